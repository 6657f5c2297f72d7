"""What Temporal says about a run, in our own types: the pure core knows no SDK.

Gateways fill these; `view`, `phases` and `health` read them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """Temporal's WorkflowExecutionStatus."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    TERMINATED = "TERMINATED"
    CONTINUED_AS_NEW = "CONTINUED_AS_NEW"
    TIMED_OUT = "TIMED_OUT"
    PAUSED = "PAUSED"

    @property
    def closed(self) -> bool:
        return self not in (Status.RUNNING, Status.PAUSED)


class TimeoutKind(StrEnum):
    """Which clock ran out: Temporal's TimeoutType, or the whole run's."""

    EXECUTION = "execution"
    RUN = "run"
    START_TO_CLOSE = "start-to-close"
    SCHEDULE_TO_START = "schedule-to-start"
    SCHEDULE_TO_CLOSE = "schedule-to-close"
    HEARTBEAT = "heartbeat"


@dataclass(frozen=True, slots=True)
class RunRef:
    """Where a run lives: its Temporal namespace and its workflow id (our run id)."""

    namespace: str
    id: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """A payload that is not JSON: binary, encrypted, or (`unreadable` says how) JSON that is broken."""

    encoding: str
    bytes: int
    unreadable: str | None = None

    def described(self) -> dict[str, Any]:
        """What a caller is shown in its place."""
        return {"encoding": self.encoding, "bytes": self.bytes}


@dataclass(frozen=True, slots=True)
class Failure:
    """One link of Temporal's failure chain."""

    type: str
    message: str
    timeout: TimeoutKind | None = None
    cause: Failure | None = None


@dataclass(frozen=True, slots=True)
class PendingActivity:
    id: str
    type: str
    state: str
    attempt: int
    last_failure: str | None = None
    next_attempt_at: datetime | None = None
    scheduled_at: datetime | None = None
    worker: str | None = None
    progress: str | None = None


@dataclass(frozen=True, slots=True)
class WorkflowTask:
    """The pending workflow task; `attempt` above 1 means that the workflow's own code keeps failing."""

    attempt: int
    started: bool
    scheduled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueHealth:
    """Who serves a task queue. `last_poll_age` and `backlog_age` are seconds; `workers` are identities."""

    name: str
    pollers: int
    backlog: int
    backlog_age: float | None = None
    last_poll_age: float | None = None
    workers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A run as `DescribeWorkflowExecution` shows it."""

    ref: RunRef
    run_id: str
    first_run_id: str
    workflow_type: str
    task_queue: str
    status: Status
    memo: Mapping[str, Any]
    started_at: datetime | None = None
    closed_at: datetime | None = None
    deadline_at: datetime | None = None
    reset_at: datetime | None = None
    picked_up: bool = False
    cancel_requested: bool = False
    workflow_task: WorkflowTask | None = None
    activities: tuple[PendingActivity, ...] = ()
    task_failure: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run closed: its close event. `next_run_id` is set when the chain goes on in another run.

    `partial` marks an outcome known from a listing only: its result and failure were not read.
    """

    status: Status
    run_id: str
    closed_at: datetime | None = None
    result: Any = None
    failure: Failure | None = None
    reason: str | None = None
    identity: str | None = None
    next_run_id: str | None = None
    partial: bool = False


@dataclass(frozen=True, slots=True)
class StartPlan:
    """Everything a start needs, decided before Temporal is spoken to."""

    ref: RunRef
    workflow_type: str
    task_queue: str
    input: Mapping[str, Any]
    headers: Mapping[str, Any]
    memo: Mapping[str, Any]
    search_attributes: Mapping[str, str]
    execution_timeout: float
    request_id: str
    fingerprint: str
    summary: str
    may_have_started: bool = False


@dataclass(frozen=True, slots=True)
class Started:
    """A start's answer. `snapshot` needs no second call when the run is new."""

    created: bool
    snapshot: Snapshot
