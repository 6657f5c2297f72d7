"""Whether an Argo workflow was stopped, or a pod of it merely lost its place: read off the Workflow object.

`argo stop` and `argo terminate` set `spec.shutdown` before any pod gets SIGTERM (seen on Argo 4.1.2); an
eviction or a node drain sends the same SIGTERM and leaves the Workflow as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

_OVER = frozenset({"Succeeded", "Failed", "Error"})


def stop_reason(workflow: Mapping[str, Any] | None, *, uid: str, now: datetime) -> str | None:
    """Why the node's run should be cancelled, or None when the workflow goes on and its pod will come back.

    `workflow` is the Workflow as Argo's API gives it, None when there is none by that name.
    """
    metadata, spec, status = (_part(workflow or {}, key) for key in ("metadata", "spec", "status"))
    if metadata.get("uid") != uid:
        # One sentence for both: callers name any workflow, and must not learn which ones others have.
        return "the Argo workflow was deleted, or replaced by another of the same name"
    if metadata.get("deletionTimestamp"):
        return "the Argo workflow is being deleted"
    if spec.get("shutdown"):
        return f"the Argo workflow was asked to shut down ({spec['shutdown']})"
    if status.get("phase") in _OVER:
        return f"the Argo workflow is over ({status['phase']})"
    deadline = _deadline(spec, status)
    if deadline is not None and deadline <= now:
        return "the Argo workflow has passed its activeDeadlineSeconds"
    return None


def _part(workflow: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = workflow.get(key)
    return value if isinstance(value, Mapping) else {}


def _deadline(spec: Mapping[str, Any], status: Mapping[str, Any]) -> datetime | None:
    seconds, started = spec.get("activeDeadlineSeconds"), status.get("startedAt")
    if not isinstance(seconds, int) or not isinstance(started, str):
        return None
    return datetime.fromisoformat(started) + timedelta(seconds=seconds)
