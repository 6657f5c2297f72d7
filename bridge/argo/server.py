"""The Argo Server: reads Workflows, and completes suspend nodes.

Seen on Argo 4.1.2 (tests/recordings/argo): `set` finds only suspend nodes that are active. For any other, be
it not there yet or over already, it answers 500 with code 13 and the same sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.argo.workflows import (
    SERVER_PATH,
    ArgoWorkflows,
    Workflow,
    client_of,
    is_gone,
    said_by,
)
from crossover.contract.run import ArgoNode, Phase
from crossover.errors import Unavailable
from crossover.strict_json import dump_json


@dataclass(frozen=True, slots=True)
class Completion:
    """What a suspend node is given. `outputs`: only such as its template declares as supplied."""

    phase: Phase
    message: str
    outputs: Mapping[str, str]


class NotSet(Unavailable):
    """Argo did not do it, and says why: look at the node again."""


class ArgoServer(ArgoWorkflows):
    """In client mode, its token needs `get` and `update` on workflows."""

    @classmethod
    def at(cls, url: str, token_file: Path | None, ca_file: Path | None) -> ArgoServer:
        return cls(client_of(url, ca_file), SERVER_PATH, token_file)

    async def set(self, node: ArgoNode, node_id: str, completion: Completion) -> Workflow | None:
        """Completes the suspend node at once: phase, message and outputs. Not safe to repeat unseen.

        Args:
            node: of the workflow.

        Returns:
            The workflow after it, None when it does not exist.

        Raises:
            NotSet: there is no such active node, or Argo does not take the outputs.
            Unavailable: no answer, or one that says nothing; Denied: the token's rights.
        """
        body = {
            "namespace": node.namespace,
            "name": node.workflow,
            "nodeFieldSelector": f"id={escaped(node_id)}",
            "phase": completion.phase.value,
            "message": completion.message,
            # Text that holds JSON. Source: argo-workflows, pkg/apiclient/workflow/workflow.proto.
            "outputParameters": dump_json(dict(completion.outputs)).decode() if completion.outputs else "",
        }
        reply = await self.send("PUT", node, "/set", body)
        if is_gone(reply):
            return None
        if reply.status_code in (400, 500) and (said := said_by(reply)):
            raise NotSet(said)
        return self.workflow_of(reply, node)


def escaped(value: str) -> str:
    """For a field selector. Source: Kubernetes, apimachinery/pkg/fields/selector.go (`EscapeValue`)."""
    return value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
