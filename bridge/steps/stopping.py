"""Whether an Argo workflow was stopped, or a pod of it merely lost its place: read off the Workflow object.

`argo stop` and `argo terminate` set `spec.shutdown` before any pod gets SIGTERM (seen on Argo 4.1.2); an
eviction or a node drain sends the same SIGTERM and leaves the Workflow as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from crossover.contract.argo import COMPLETED, EXIT_HANDLER
from crossover.contract.run import ArgoNode

_ENDS_EXIT_HANDLERS = "Terminate"
"""The one shutdown that exit handlers do not outlive."""


def stop_reason(workflow: Mapping[str, Any] | None, node: ArgoNode, now: datetime) -> str | None:
    """Why the workflow needs no run of this node any more, or None: it goes on, and its pod will come back.

    Args:
        workflow: as Argo's API gives it, None when there is none by that name.
        node: one of an exit handler runs after a stop, and beyond the workflow's deadline.
    """
    metadata, spec, status = (_part(workflow or {}, key) for key in ("metadata", "spec", "status"))
    if not same_workflow(workflow, node):
        # One sentence for both: callers name any workflow, and must not learn which ones others have.
        return "the Argo workflow was deleted, or replaced by another of the same name"
    if metadata.get("deletionTimestamp"):
        return "the Argo workflow is being deleted"
    exits = EXIT_HANDLER in node.node_name
    shutdown = spec.get("shutdown")
    if shutdown and (shutdown == _ENDS_EXIT_HANDLERS or not exits):
        return f"the Argo workflow was asked to shut down ({shutdown})"
    if (phase := str(status.get("phase"))) in COMPLETED:
        return f"the Argo workflow is over ({phase})"
    deadline = None if exits else _deadline(spec, status)
    if deadline is not None and deadline <= now:
        return "the Argo workflow has passed its activeDeadlineSeconds"
    return None


def same_workflow(workflow: Mapping[str, Any] | None, node: ArgoNode) -> bool:
    """Whether it is the node's, and not another of the same name."""
    return _part(workflow or {}, "metadata").get("uid") == node.uid


def _part(workflow: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = workflow.get(key)
    return value if isinstance(value, Mapping) else {}


def _deadline(spec: Mapping[str, Any], status: Mapping[str, Any]) -> datetime | None:
    seconds, started = spec.get("activeDeadlineSeconds"), status.get("startedAt")
    if not isinstance(seconds, int) or not isinstance(started, str):
        return None
    return datetime.fromisoformat(started) + timedelta(seconds=seconds)
