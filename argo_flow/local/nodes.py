"""The nodes of a running workflow: their names, ids and state, as Argo has them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from argo_flow.graph.phases import NodePhase
from argo_flow.local.clock import rfc3339
from crossover.contract.argo import fnv32a

MAX_POD_NAME_PREFIX = 242
"""Characters of a pod's name before its hash (argo-workflows workflow/util/pod_name.go)."""


@dataclass(slots=True)
class Outputs:
    """`result` is the end of stdout, `exit_code` a string; parameters by name."""

    parameters: dict[str, str] = field(default_factory=dict)
    result: str | None = None
    exit_code: str | None = None

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {}
        if self.parameters:
            body["parameters"] = [{"name": name, "value": value} for name, value in self.parameters.items()]
        if self.result is not None:
            body["result"] = self.result
        if self.exit_code is not None:
            body["exitCode"] = self.exit_code
        return body


@dataclass(slots=True)
class NodeStatus:
    """One node. Times are seconds since the epoch; `type` is Argo's: Pod, Retry, Steps, StepGroup, DAG, …

    The node is a child of `parent_id`, and belongs to the steps or dag template that runs as `boundary_id`.
    """

    id: str
    name: str
    display_name: str
    template_name: str
    type: str
    phase: NodePhase = NodePhase.PENDING
    message: str = ""
    boundary_id: str = ""
    parent_id: str = ""
    started_at: float = field(default_factory=time.time)
    finished_at: float | None = None
    progress: str = "0/1"
    outputs: Outputs = field(default_factory=Outputs)
    children: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The node as it stands in a Workflow's `status.nodes`."""
        body: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "displayName": self.display_name,
            "templateName": self.template_name,
            "type": self.type,
            "phase": self.phase.value,
            "startedAt": rfc3339(self.started_at),
            "finishedAt": rfc3339(self.finished_at) if self.finished_at is not None else None,
            "progress": self.progress,
        }
        optional = {
            "message": self.message,
            "boundaryID": self.boundary_id,
            "children": self.children,
            "outputs": self.outputs.to_json(),
        }
        return body | {key: value for key, value in optional.items() if value}


def pod_name(workflow: str, node_name: str, template: str) -> str:
    if node_name == workflow:
        return workflow
    prefix = f"{workflow}-{template}" if template else workflow
    return f"{prefix[:MAX_POD_NAME_PREFIX]}-{fnv32a(node_name)}"
