"""What Argo itself puts into a step's pod.

Argo sets ARGO_DEADLINE (RFC 3339; Go's zero time when there is none), ARGO_PROGRESS_FILE, ARGO_NODE_ID, and
since 4.1 ARGO_WORKFLOW_NAME and TRACEPARENT. It does not tell a container the workflow's uid or the node's
name, which therefore come as template variables (argo-workflows workflow/common/common.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crossover.contract.trace import valid_traceparent

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Mounted by Kubernetes with every service account token."""

GO_ZERO_YEAR = 1


@dataclass(frozen=True, slots=True)
class Deadline:
    """When Argo will stop this step: seconds since the epoch, and as Argo wrote it."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class ArgoPod:
    """What the pod tells by itself; None where it does not."""

    namespace: str | None
    workflow: str | None
    node_id: str | None
    deadline: Deadline | None
    progress_file: Path | None
    traceparent: str | None


def read_pod(environ: Mapping[str, str], namespace_file: Path = NAMESPACE_FILE) -> ArgoPod:
    """The pod's own facts from its environment and its service account."""
    progress_file = environ.get("ARGO_PROGRESS_FILE")
    traceparent = environ.get("TRACEPARENT", "")
    return ArgoPod(
        namespace=_first_line(namespace_file),
        workflow=environ.get("ARGO_WORKFLOW_NAME") or None,
        node_id=environ.get("ARGO_NODE_ID") or None,
        deadline=parse_deadline(environ.get("ARGO_DEADLINE", "")),
        progress_file=Path(progress_file) if progress_file else None,
        traceparent=traceparent if valid_traceparent(traceparent) else None,
    )


def parse_deadline(text: str) -> Deadline | None:
    """ARGO_DEADLINE as a point in time; None when it is absent, unreadable or Go's zero time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.year == GO_ZERO_YEAR:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return Deadline(moment.timestamp(), text)


def _first_line(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
