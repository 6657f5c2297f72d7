"""Whether anything of a workflow still waits for a run of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.steps.stopping import stop_reason
from crossover.contract.run import ArgoNode

_EXIT = ".onExit"
"""Part of the names of exit handlers' nodes. Source: argo-workflows, workflow/common/util.go
(`GenerateOnExitNodeName`)."""

_ENDS_EXITS = "Terminate"
"""The one shutdown that exit handlers do not outlive."""


def workflow_over(workflow: Mapping[str, Any] | None, node: ArgoNode, now: datetime) -> str | None:
    """Why the workflow needs no run of this node any more, or None.

    Args:
        workflow: as Argo's API gives it, None when there is none.
    """
    if workflow is not None and _EXIT in node.node_name:
        workflow = _as_exit_handlers_see_it(workflow)
    return stop_reason(workflow, uid=node.uid, now=now)


def _as_exit_handlers_see_it(workflow: Mapping[str, Any]) -> Mapping[str, Any]:
    """They run after a stop, and beyond the workflow's deadline."""
    spec = workflow.get("spec")
    shutdown = spec.get("shutdown") if isinstance(spec, Mapping) else None
    return {**workflow, "spec": {"shutdown": shutdown} if shutdown == _ENDS_EXITS else {}}


def same_workflow(workflow: Mapping[str, Any] | None, node: ArgoNode) -> bool:
    metadata = (workflow or {}).get("metadata")
    return isinstance(metadata, Mapping) and metadata.get("uid") == node.uid
