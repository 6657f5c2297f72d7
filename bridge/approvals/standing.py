"""Whether anything still waits for an approval, read off the Argo workflow. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from bridge.steps.record import Callback
from bridge.steps.stopping import stop_reason
from crossover.contract.run import ArgoNode

_OVER = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})

_EXIT = ".onExit"
"""Part of the names of exit handlers' nodes. Source: argo-workflows, workflow/common/util.go
(`GenerateOnExitNodeName`)."""


def workflow_over(
    workflow: Mapping[str, Any] | None, node: ArgoNode, callback: Callback | None, now: datetime
) -> str | None:
    """Why nothing of the workflow waits any more, or None: it goes on, or its node is still to come.

    A suspend node can be ended in Argo itself: by `argo resume`, by its own `duration`, by a failing sibling.
    """
    if workflow is not None and _EXIT in node.node_name:
        workflow = {**workflow, "spec": {}}  # exit handlers run after a stop, and beyond the deadline
    stopped = stop_reason(workflow, uid=node.uid, now=now)
    if stopped is not None or callback is None:
        return stopped
    phases = [each.get("phase") for each in _suspended(workflow or {}, callback)]
    if phases and all(phase in _OVER for phase in phases):
        return f"the suspend node was ended in Argo itself ({phases[0]})"
    return None


def _suspended(workflow: Mapping[str, Any], callback: Callback) -> Iterator[Mapping[str, Any]]:
    """Source of the shape: argo-workflows, pkg/apis/workflow/v1alpha1 (`NodeStatus`)."""
    status = workflow.get("status")
    nodes = status.get("nodes") if isinstance(status, Mapping) else None
    for id, node in nodes.items() if isinstance(nodes, Mapping) else ():
        if isinstance(node, Mapping) and node.get("type") == "Suspend" and _is_it(id, node, callback):
            yield node


def _is_it(id: str, node: Mapping[str, Any], callback: Callback) -> bool:
    if callback.node_id:
        return id == callback.node_id
    inputs = node.get("inputs")
    parameters = inputs.get("parameters") if isinstance(inputs, Mapping) else None
    wanted = {"name": callback.input, "value": callback.value}
    return any(
        isinstance(each, Mapping) and all(each.get(key) == value for key, value in wanted.items())
        for each in (parameters if isinstance(parameters, list) else ())
    )
