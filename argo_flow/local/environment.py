"""The environment of a step's process."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

from argo_flow.graph.templates import Container
from argo_flow.local.clock import ZERO_TIME, rfc3339
from argo_flow.local.nodes import NodeStatus
from argo_flow.local.sandbox import Sandbox
from argo_flow.local.state import Run

_REFERENCE = re.compile(r"\$\$|\$\(([^)]*)\)")


def new_trace() -> str:
    """The id of a W3C trace: all steps of a workflow share it, each with a span of its own."""
    return secrets.token_hex(16)


def expand(text: str, environment: Mapping[str, str]) -> str:
    """`$(NAME)` as Kubernetes replaces it in command, args and env; `$$` is one `$`, unknown names stay."""

    def replace(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        return environment.get(match.group(1), match.group())

    return _REFERENCE.sub(replace, text)


def pod_environment(
    run: Run, node: NodeStatus, container: Container, sandbox: Sandbox, deadline: float | None
) -> dict[str, str]:
    """What was inherited, then the template's own, then Argo's, then the runner's overrides."""
    environment = {**run.environment, "TMPDIR": str(sandbox.tmp)}
    for variable in container.env:
        value = sandbox.rewrite(variable.value or "")
        environment[variable.name] = expand(value, environment)
    return environment | _argo(run, node, sandbox, deadline) | dict(run.overrides)


def _argo(run: Run, node: NodeStatus, sandbox: Sandbox, deadline: float | None) -> dict[str, str]:
    return {
        "ARGO_WORKFLOW_NAME": run.name,
        "ARGO_NODE_ID": node.id,
        "ARGO_CONTAINER_NAME": "main",
        "ARGO_DEADLINE": ZERO_TIME if deadline is None else rfc3339(deadline),
        "ARGO_INCLUDE_SCRIPT_OUTPUT": "true",
        "ARGO_PROGRESS_FILE": str(sandbox.progress),
        "ARGO_PROGRESS_FILE_TICK_DURATION": "3s",
        "ARGO_PROGRESS_PATCH_TICK_DURATION": "1m0s",
        "TRACEPARENT": f"00-{run.trace}-{secrets.token_hex(8)}-00",
        "TRACESTATE": f"workflow={run.namespace}/{run.name}",
    }
