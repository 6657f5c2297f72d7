"""Why a run that looks healthy will not get on: sentences that say what to do.

Temporal shows such a run as RUNNING until its execution timeout: nobody polls its queue, the worker
does not know its type, the workflow's own code or its result makes every workflow task fail, or an
activity is retried for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bridge.steps.engine import PendingActivity, QueueHealth, Snapshot
from crossover.contract.durations import format_duration
from crossover.errors import cut

QUIET_AFTER = 75.0
"""Seconds. An idle live worker polls at least once a minute, so a longer silence is suspect."""

WAITING_AFTER = 10.0
"""Seconds that a task may wait for a worker before the view says so: soon enough for a person who
looks, late enough not to cry at every busy moment."""

RETRYING_AFTER = 3
"""Failed attempts of an activity from which on the view speaks of it: one or two are daily business."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A stable code, and a sentence for people."""

    code: str
    message: str


def find_problems(snapshot: Snapshot, queue: QueueHealth | None, now: datetime) -> tuple[Problem, ...]:
    """All that stands in the way of an open run, worst first."""
    if snapshot.status.closed:
        return ()
    return (
        *_task_problems(snapshot),
        *_queue_problems(snapshot, queue, now),
        *_activity_problems(snapshot.activities, now),
    )


def _task_problems(snapshot: Snapshot) -> Iterator[Problem]:
    task = snapshot.workflow_task
    if task is None or task.attempt < 2:
        return
    times = f"({task.attempt - 1} failed workflow tasks)"
    if snapshot.task_failure is None:
        yield Problem(
            "workflow-task-timeout",
            f"Workers take the workflow's tasks and never answer {times}: they crash or hang. "
            "See their logs; out of memory is a common cause.",
        )
        return
    reason = cut(snapshot.task_failure)
    if "is not registered on this worker" in reason:
        yield Problem(
            "unregistered-type",
            f"The workers of {snapshot.task_queue} do not know workflow type {snapshot.workflow_type}: "
            f"deploy a worker that registers it, or correct the app's workflow_type {times}. {reason}",
        )
    elif _too_large(reason):
        yield Problem(
            "result-too-large",
            "The workflow returns more than Temporal takes in one payload (2 MB), so it can never end: "
            f"write large results to storage and return a reference {times}. {reason}",
        )
    else:
        yield Problem(
            "workflow-task-failing",
            f"The workflow's own code fails and is retried until it is fixed or times out {times}: {reason}",
        )


def _too_large(reason: str) -> bool:
    lowered = reason.lower()
    return "tmprl1103" in lowered or "size exceeds" in lowered or "exceeded the error limit" in lowered


def _queue_problems(snapshot: Snapshot, queue: QueueHealth | None, now: datetime) -> Iterator[Problem]:
    if queue is None or not _waits_for_worker(snapshot):
        return
    where = f"task queue {queue.name} (Temporal namespace {snapshot.ref.namespace})"
    if queue.pollers == 0:
        yield Problem(
            "no-poller",
            f"No worker polls {where}: start its worker deployment, or correct the task queue. "
            "The run waits until then.",
        )
    elif queue.last_poll_age is not None and queue.last_poll_age > QUIET_AFTER:
        yield Problem(
            "no-poller",
            f"No worker has polled {where} for {format_duration(queue.last_poll_age)}: "
            "its worker deployment is probably gone.",
        )
    elif _waiting_since(snapshot, now) > WAITING_AFTER and queue.backlog > 0:
        yield Problem(
            "queue-backlog",
            f"{queue.backlog} tasks wait on {where}, last polled {_ago(queue.last_poll_age)}: its "
            "workers are busy (add some) or just died (a dead one is listed for five minutes).",
        )


def _waits_for_worker(snapshot: Snapshot) -> bool:
    task = snapshot.workflow_task
    return not snapshot.picked_up or (task is not None and not task.started)


def _waiting_since(snapshot: Snapshot, now: datetime) -> float:
    task = snapshot.workflow_task
    since = task.scheduled_at if task and task.scheduled_at else snapshot.started_at
    return (now - since).total_seconds() if since else 0.0


def _activity_problems(activities: tuple[PendingActivity, ...], now: datetime) -> Iterator[Problem]:
    for activity in activities:
        failed = activity.attempt - 1
        if failed >= RETRYING_AFTER and activity.last_failure:
            yield Problem(
                "activity-retrying",
                f"Activity {activity.type} has failed {failed} times and is retried: "
                f"{cut(activity.last_failure)}",
            )
        elif _waits(activity, now):
            yield Problem(
                "activity-waiting",
                f"Activity {activity.type} has waited {format_duration(_age(activity, now))} for a worker: "
                "the worker deployment is gone, busy, or does not poll the activity's task queue.",
            )


def _waits(activity: PendingActivity, now: datetime) -> bool:
    return activity.state == "SCHEDULED" and _age(activity, now) > WAITING_AFTER


def _age(activity: PendingActivity, now: datetime) -> float:
    """Seconds since the present attempt could have begun; negative while it is still to be retried."""
    since = activity.next_attempt_at or activity.scheduled_at
    return (now - since).total_seconds() if since else 0.0


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{format_duration(seconds)} ago"
