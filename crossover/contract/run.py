"""What a run is called and which states it has: the words that Argo, the bridge and the step share."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum

RUN_PREFIX = "crossover"

_TENANT = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SEGMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_TRACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class Phase(StrEnum):
    """A run's phase, in Argo's words."""

    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"

    @property
    def closed(self) -> bool:
        return self not in (Phase.PENDING, Phase.RUNNING)


class ExitCode(IntEnum):
    """Exit codes of `crossover step run`. 64 and 65 are Argo's own and never used."""

    SUCCEEDED = 0
    FAILED = 1
    USAGE = 2
    UNAVAILABLE = 75
    NOT_ALLOWED = 77
    TIMED_OUT = 124
    CANCELLED = 130
    TERMINATED = 143


class OnCancel(StrEnum):
    """What a cancelled Argo node does to its run."""

    CANCEL = "cancel"
    TERMINATE = "terminate"
    ABANDON = "abandon"


class Scope(StrEnum):
    """`node`: a retried pod re-attaches to the node's run. `attempt`: each Argo retry is a run of its own."""

    NODE = "node"
    ATTEMPT = "attempt"


class Mode(StrEnum):
    """How an Argo node and its run are tied together: who tells Argo of the run, and the run of Argo."""

    STEP = "step"
    PLUGIN = "plugin"
    CALLBACK = "callback"
    AGENT = "agent"


@dataclass(frozen=True, slots=True)
class ArgoNode:
    """The Argo node that a run stands for.

    `node_name` is `{{node.name}}`, which is constant across retries (Argo resolves it to the parent
    Retry node); `uid` is the workflow's, so a resubmitted workflow gets runs of its own.
    """

    namespace: str
    workflow: str
    uid: str
    node_name: str
    retries: int = 0


def valid_tenant(value: str) -> bool:
    """Tenants are DNS labels: they are part of workflow ids, Redis keys and file names."""
    return _TENANT.fullmatch(value) is not None


def valid_segment(value: str) -> bool:
    """Whether `value` can be one segment of a run id as it is."""
    return _SEGMENT.fullmatch(value) is not None


def valid_trace_id(value: str) -> bool:
    """Trace ids have no separators, so that `trace_id=<id>` is one exact token of a log line."""
    return _TRACE.fullmatch(value) is not None


def node_key(node_name: str, attempt: int | None = None) -> str:
    """A readable prefix and a hash of the whole name: two nodes never share a key, and people can read it."""
    digest = hashlib.sha256(node_name.encode()).hexdigest()[:16]
    last = node_name.rsplit(".", 1)[-1]
    readable = _UNSAFE.sub("-", last).strip("-._")[:40] or "node"
    suffix = "" if attempt is None else f".r{attempt}"
    return f"{readable}-{digest}{suffix}"


def run_id(tenant: str, argo: ArgoNode, scope: Scope) -> str:
    """The run's id, which is also its Temporal workflow id.

    The tenant comes first: whether a principal may see a run is a prefix check.
    """
    attempt = argo.retries if scope is Scope.ATTEMPT else None
    return "/".join((RUN_PREFIX, tenant, argo.namespace, argo.uid, node_key(argo.node_name, attempt)))


def tenant_prefix(tenant: str) -> str:
    """Every run of a tenant has an id with this prefix; no other tenant's does."""
    return f"{RUN_PREFIX}/{tenant}/"


def workflow_prefix(tenant: str, argo: ArgoNode) -> str:
    """Every run of a tenant for the node's Argo workflow has an id with this prefix."""
    return f"{tenant_prefix(tenant)}{argo.namespace}/{argo.uid}/"


def tenant_of(run: str) -> str | None:
    """The tenant that a run id belongs to, or None when it is no run id."""
    parts = run.split("/")
    if len(parts) < 4 or parts[0] != RUN_PREFIX or not all(valid_segment(part) for part in parts[2:]):
        return None
    return parts[1] if valid_tenant(parts[1]) else None


def fingerprint(workflow_type: str, task_queue: str, input: object) -> str:
    """Tells whether two starts ask for the same work: a hash of type, queue and the caller's input."""
    canonical = json.dumps([workflow_type, task_queue, input], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
