"""From Temporal's status to Argo's phase, a sentence, and the step's exit code: one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bridge.steps.engine import Failure, Outcome, Snapshot, Status, TimeoutKind
from crossover.contract.durations import format_duration
from crossover.contract.run import ExitCode, OnCancel, Phase

IDENTITY = "crossover-bridge"
"""Identity under which the bridge acts on runs; how it later knows its own terminations."""

GRACE_OVER = "cancel grace is over"
ON_CANCEL = "on_cancel is terminate"
ASKED = "terminate was asked for"
"""First words of the reason that the bridge gives when it terminates a run."""


class Cause(StrEnum):
    """Why a run is in its status, as far as the phase depends on it."""

    NONE = "none"
    NOT_PICKED_UP = "not picked up"
    CANCELLING = "cancelling"
    ACTIVITY_TIMEOUT = "activity timeout"
    EXECUTION_TIMEOUT = "execution timeout"
    RUN_TIMEOUT = "run timeout"
    GRACE_OVER = "grace over"
    ON_CANCEL = "on_cancel"
    ASKED = "asked"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What Argo and a person are told. `exit_code` is None while the run is open."""

    phase: Phase
    exit_code: ExitCode | None
    message: str


_OPEN = None

TABLE: dict[tuple[Status, Cause], Verdict] = {
    (Status.RUNNING, Cause.NOT_PICKED_UP): Verdict(Phase.PENDING, _OPEN, "waits for a worker on {queue}"),
    (Status.RUNNING, Cause.NONE): Verdict(Phase.RUNNING, _OPEN, "{type} runs on {queue}"),
    (Status.RUNNING, Cause.CANCELLING): Verdict(
        Phase.RUNNING, _OPEN, "is being cancelled: it may clean up, and is terminated when its grace is over"
    ),
    (Status.PAUSED, Cause.NONE): Verdict(Phase.RUNNING, _OPEN, "is paused in Temporal; unpause it there"),
    (Status.CONTINUED_AS_NEW, Cause.NONE): Verdict(Phase.RUNNING, _OPEN, "{type} continues as a new run"),
    (Status.COMPLETED, Cause.NONE): Verdict(Phase.SUCCEEDED, ExitCode.SUCCEEDED, "completed in {duration}"),
    (Status.COMPLETED, Cause.CANCELLING): Verdict(
        Phase.SUCCEEDED, ExitCode.SUCCEEDED, "completed in {duration}, although it was asked to cancel"
    ),
    (Status.FAILED, Cause.NONE): Verdict(Phase.FAILED, ExitCode.FAILED, "{failure}"),
    (Status.FAILED, Cause.ACTIVITY_TIMEOUT): Verdict(
        Phase.FAILED, ExitCode.FAILED, "an activity ran out of time ({kind}): {failure}"
    ),
    (Status.CANCELED, Cause.NONE): Verdict(
        Phase.FAILED, ExitCode.CANCELLED, "was cancelled after {duration}"
    ),
    (Status.TERMINATED, Cause.GRACE_OVER): Verdict(
        Phase.FAILED,
        ExitCode.TERMINATED,
        "was cancelled, did not end in time and was terminated ({reason})",
    ),
    (Status.TERMINATED, Cause.ON_CANCEL): Verdict(
        Phase.FAILED, ExitCode.TERMINATED, "was terminated, as its on_cancel says"
    ),
    (Status.TERMINATED, Cause.ASKED): Verdict(Phase.FAILED, ExitCode.TERMINATED, "{reason}"),
    (Status.TERMINATED, Cause.FOREIGN): Verdict(
        Phase.ERROR, ExitCode.TERMINATED, "was terminated in Temporal by {identity}: {reason}"
    ),
    (Status.TIMED_OUT, Cause.EXECUTION_TIMEOUT): Verdict(
        Phase.FAILED,
        ExitCode.TIMED_OUT,
        "did not end within its execution_timeout ({duration}); raise it, or see why the run is slow",
    ),
    (Status.TIMED_OUT, Cause.RUN_TIMEOUT): Verdict(
        Phase.FAILED, ExitCode.TIMED_OUT, "one run of the chain did not end within its own run timeout"
    ),
}
"""Every status with every cause it can have; a test walks the whole product."""


def classify(
    status: Status,
    *,
    on_cancel: OnCancel = OnCancel.CANCEL,
    picked_up: bool = True,
    cancel_requested: bool = False,
    timeout: TimeoutKind | None = None,
    reason: str = "",
    identity: str = "",
) -> Cause:
    """The cause that selects the table's row."""
    if status is Status.RUNNING and cancel_requested and on_cancel is not OnCancel.ABANDON:
        return Cause.CANCELLING
    if status is Status.RUNNING and not picked_up:
        return Cause.NOT_PICKED_UP
    if status is Status.COMPLETED and cancel_requested:
        return Cause.CANCELLING
    if status is Status.FAILED and timeout is not None:
        return Cause.ACTIVITY_TIMEOUT
    if status is Status.TIMED_OUT:
        return Cause.RUN_TIMEOUT if timeout is TimeoutKind.RUN else Cause.EXECUTION_TIMEOUT
    if status is Status.TERMINATED:
        return _who_terminated(reason, identity)
    return Cause.NONE


def _who_terminated(reason: str, identity: str) -> Cause:
    if not identity.startswith(IDENTITY):
        return Cause.FOREIGN
    if reason.startswith(GRACE_OVER):
        return Cause.GRACE_OVER
    return Cause.ON_CANCEL if reason.startswith(ON_CANCEL) else Cause.ASKED


def verdict(snapshot: Snapshot, outcome: Outcome | None, *, on_cancel: OnCancel) -> Verdict:
    """The phase, exit code and sentence of a run."""
    status = outcome.status if outcome else snapshot.status
    timeout = _timeout_kind(snapshot, outcome)
    reason, identity = (outcome.reason or "", outcome.identity or "") if outcome else ("", "")
    cause = classify(
        status,
        on_cancel=on_cancel,
        picked_up=snapshot.picked_up,
        cancel_requested=snapshot.cancel_requested,
        timeout=timeout,
        reason=reason,
        identity=identity,
    )
    row = TABLE[status, cause]
    message = row.message.format(
        queue=snapshot.task_queue,
        type=snapshot.workflow_type,
        duration=_duration(snapshot, outcome),
        failure=_sentence(outcome),
        kind=timeout or "",
        reason=reason or "no reason was given",
        identity=identity or "someone",
    )
    return Verdict(row.phase, row.exit_code, message)


def _timeout_kind(snapshot: Snapshot, outcome: Outcome | None) -> TimeoutKind | None:
    if outcome is None:
        return None
    if outcome.status is Status.TIMED_OUT:
        closed, deadline = outcome.closed_at, snapshot.deadline_at
        early = closed is not None and deadline is not None and (deadline - closed).total_seconds() > 1
        return TimeoutKind.RUN if early else TimeoutKind.EXECUTION
    return next((link.timeout for link in chain(outcome.failure) if link.timeout), None)


def chain(failure: Failure | None) -> list[Failure]:
    """The failure and its causes, outermost first."""
    links: list[Failure] = []
    while failure is not None:
        links.append(failure)
        failure = failure.cause
    return links


def _sentence(outcome: Outcome | None) -> str:
    """The innermost cause says what happened; the links around it only say where."""
    links = chain(outcome.failure if outcome else None)
    if not links:
        return "failed; its own view says why" if outcome and outcome.partial else "failed without saying why"
    root = links[-1]
    return f"{root.type}: {root.message}" if root.type and root.message else root.message or root.type


def _duration(snapshot: Snapshot, outcome: Outcome | None) -> str:
    closed = (outcome.closed_at if outcome else None) or snapshot.closed_at
    if closed is None or snapshot.started_at is None:
        return "?"
    return format_duration(max(0.0, (closed - snapshot.started_at).total_seconds()))
