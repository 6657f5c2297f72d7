"""Problems: a run that will not get on says why, and what to do."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bridge.steps.engine import PendingActivity, QueueHealth, Snapshot, Status, WorkflowTask
from bridge.steps.health import find_problems
from tests.bridge.test_phases import START, snapshot

NOW = START + timedelta(seconds=60)
ALIVE = QueueHealth("pg", pollers=2, backlog=0, last_poll_age=1.0)


def codes(run: Snapshot, queue: QueueHealth | None = ALIVE) -> list[str]:
    return [problem.code for problem in find_problems(run, queue, NOW)]


def test_a_run_that_gets_on_has_no_problems() -> None:
    assert codes(snapshot()) == []


def test_a_closed_run_has_no_problems() -> None:
    dead = QueueHealth("pg", pollers=0, backlog=1)
    assert codes(snapshot(Status.COMPLETED, picked_up=False), dead) == []


def test_a_queue_without_pollers_is_named_with_its_namespace() -> None:
    run = snapshot(picked_up=False)
    (problem,) = find_problems(run, QueueHealth("pg", pollers=0, backlog=1), NOW)
    assert problem.code == "no-poller"
    assert "pg" in problem.message
    assert "default" in problem.message


def test_pollers_that_have_been_silent_for_long_count_as_gone() -> None:
    silent = replace(ALIVE, last_poll_age=120.0)
    assert codes(snapshot(picked_up=False), silent) == ["no-poller"]
    assert codes(snapshot(picked_up=False), replace(ALIVE, last_poll_age=60.0)) == []


def test_a_backlog_is_told_only_while_this_run_waits() -> None:
    busy = replace(ALIVE, backlog=7)
    assert codes(snapshot(picked_up=False), busy) == ["queue-backlog"]
    assert codes(snapshot(), busy) == []


def test_a_dead_worker_shows_while_a_workflow_task_waits() -> None:
    waiting = snapshot(workflow_task=WorkflowTask(attempt=1, started=False, scheduled_at=START))
    assert codes(waiting, QueueHealth("pg", pollers=0, backlog=1)) == ["no-poller"]


UNREGISTERED = "NotFoundError: Workflow class X is not registered on this worker, available workflows: Y"
OVERSIZED = "[TMPRL1103] Attempted to upload payloads with size that exceeded the error limit."


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (UNREGISTERED, "unregistered-type"),
        (OVERSIZED, "result-too-large"),
        ("ValueError: no such table", "workflow-task-failing"),
    ],
)
def test_failing_workflow_tasks_are_told_apart(text: str, code: str) -> None:
    failing = snapshot(workflow_task=WorkflowTask(attempt=4, started=True), task_failure=text)
    (problem,) = find_problems(failing, ALIVE, NOW)
    assert problem.code == code
    assert "3 failed workflow tasks" in problem.message


def test_workflow_tasks_that_time_out_mean_a_crashing_worker() -> None:
    failing = snapshot(workflow_task=WorkflowTask(attempt=3, started=False), task_failure=None)
    (problem,) = find_problems(failing, ALIVE, NOW)
    assert (problem.code, "crash or hang" in problem.message) == ("workflow-task-timeout", True)


def activity(**changes: object) -> PendingActivity:
    fields: dict[str, object] = {
        "id": "1",
        "type": "fetch",
        "state": "STARTED",
        "attempt": 1,
        "scheduled_at": START,
    }
    return PendingActivity(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pending", "expected"),
    [
        (activity(), []),
        (activity(attempt=3, last_failure="x"), []),
        (activity(attempt=4, last_failure="ValueError: x"), ["activity-retrying"]),
        (activity(state="SCHEDULED"), ["activity-waiting"]),
        (activity(state="SCHEDULED", scheduled_at=NOW), []),
        (activity(state="SCHEDULED", attempt=2, last_failure="timeout"), ["activity-waiting"]),
        (activity(state="SCHEDULED", attempt=2, next_attempt_at=NOW + timedelta(seconds=5)), []),
    ],
    ids=[
        "running",
        "twice failed",
        "thrice failed",
        "waits long",
        "waits shortly",
        "dead worker",
        "backs off",
    ],
)
def test_activities(pending: PendingActivity, expected: list[str]) -> None:
    assert codes(snapshot(activities=(pending,))) == expected
