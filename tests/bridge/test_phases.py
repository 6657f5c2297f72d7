"""Temporal's status to Argo's phase: the whole product, and what each row says."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from bridge.steps.engine import Failure, Outcome, RunRef, Snapshot, Status, TimeoutKind
from bridge.steps.phases import ASKED, GRACE_OVER, IDENTITY, ON_CANCEL, TABLE, Cause, classify, verdict
from crossover.contract.run import ExitCode, OnCancel, Phase

START = datetime(2026, 11, 21, tzinfo=UTC)
REASONS = [(GRACE_OVER, IDENTITY), (ON_CANCEL, IDENTITY), (ASKED, IDENTITY), ("maintenance", "ops@host")]


def snapshot(status: Status = Status.RUNNING, **changes: object) -> Snapshot:
    fields: dict[str, object] = {
        "ref": RunRef("default", "crossover/t/argo/u/n"),
        "run_id": "r",
        "first_run_id": "r",
        "workflow_type": "Extract",
        "task_queue": "pg",
        "status": status,
        "memo": {},
        "started_at": START,
        "deadline_at": START + timedelta(hours=1),
        "picked_up": True,
    }
    return Snapshot(**{**fields, **changes})  # type: ignore[arg-type]


def outcome(status: Status, **changes: object) -> Outcome:
    fields: dict[str, object] = {"status": status, "run_id": "r", "closed_at": START + timedelta(seconds=90)}
    return Outcome(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("status", Status)
@pytest.mark.parametrize("on_cancel", OnCancel)
@pytest.mark.parametrize("timeout", [None, *TimeoutKind], ids=str)
def test_every_status_on_cancel_and_timeout_has_a_row(
    status: Status, on_cancel: OnCancel, timeout: TimeoutKind | None
) -> None:
    for picked_up, cancelled, (reason, identity) in product((True, False), (True, False), REASONS):
        cause = classify(
            status,
            on_cancel=on_cancel,
            picked_up=picked_up,
            cancel_requested=cancelled,
            timeout=timeout,
            reason=reason,
            identity=identity,
        )
        assert (status, cause) in TABLE


def test_open_rows_have_no_exit_code_and_closed_rows_have_one() -> None:
    for (status, _), row in TABLE.items():
        goes_on = not status.closed or status is Status.CONTINUED_AS_NEW
        assert (row.exit_code is None) == goes_on
        assert row.phase.closed != goes_on


def test_only_success_exits_with_zero() -> None:
    for row in TABLE.values():
        assert (row.exit_code is ExitCode.SUCCEEDED) == (row.phase is Phase.SUCCEEDED)


def test_messages_use_known_fields_only() -> None:
    known = {"queue", "type", "duration", "failure", "kind", "reason", "identity"}
    for row in TABLE.values():
        assert {name for _, name, _, _ in string.Formatter().parse(row.message) if name} <= known


@pytest.mark.parametrize(
    ("seen", "ended", "phase", "code", "words"),
    [
        (snapshot(picked_up=False), None, Phase.PENDING, None, "waits for a worker on pg"),
        (snapshot(), None, Phase.RUNNING, None, "Extract runs on pg"),
        (snapshot(cancel_requested=True), None, Phase.RUNNING, None, "may clean up"),
        (snapshot(Status.PAUSED), None, Phase.RUNNING, None, "paused"),
        (snapshot(), outcome(Status.COMPLETED), Phase.SUCCEEDED, 0, "1m30s"),
        (snapshot(cancel_requested=True), outcome(Status.COMPLETED), Phase.SUCCEEDED, 0, "although"),
        (snapshot(), outcome(Status.CANCELED), Phase.FAILED, 130, "cancelled"),
        (snapshot(), outcome(Status.TIMED_OUT), Phase.FAILED, 124, "run timeout"),
        (
            snapshot(),
            outcome(Status.TIMED_OUT, closed_at=START + timedelta(hours=1)),
            Phase.FAILED,
            124,
            "execution_timeout",
        ),
        (
            snapshot(),
            outcome(Status.TERMINATED, reason=f"{GRACE_OVER}: it lasted 5s", identity=IDENTITY),
            Phase.FAILED,
            143,
            "it lasted 5s",
        ),
        (
            snapshot(),
            outcome(Status.TERMINATED, reason=f"{ASKED} by ann: stuck", identity=IDENTITY),
            Phase.FAILED,
            143,
            "by ann: stuck",
        ),
        (
            snapshot(),
            outcome(Status.TERMINATED, reason="maintenance", identity="ops@host"),
            Phase.ERROR,
            143,
            "in Temporal by ops@host: maintenance",
        ),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_person_reads_what_happened(
    seen: Snapshot, ended: Outcome | None, phase: Phase, code: int | None, words: str
) -> None:
    found = verdict(seen, ended, on_cancel=OnCancel.CANCEL)
    assert (found.phase, found.exit_code) == (phase, code)
    assert words in found.message


def test_a_failure_is_told_by_its_root_cause() -> None:
    failure = Failure("Activity fetch", "Activity task failed", cause=Failure("ValueError", "no such table"))
    found = verdict(snapshot(), outcome(Status.FAILED, failure=failure), on_cancel=OnCancel.CANCEL)
    assert (found.phase, found.exit_code, found.message) == (Phase.FAILED, 1, "ValueError: no such table")


@pytest.mark.parametrize(
    "kind",
    [
        TimeoutKind.START_TO_CLOSE,
        TimeoutKind.SCHEDULE_TO_START,
        TimeoutKind.SCHEDULE_TO_CLOSE,
        TimeoutKind.HEARTBEAT,
    ],
)
def test_an_activity_timeout_is_a_failure_that_names_its_clock(kind: TimeoutKind) -> None:
    failure = Failure(
        "Activity fetch", "Activity task timed out", cause=Failure("Timeout", "timed out", kind)
    )
    found = verdict(snapshot(), outcome(Status.FAILED, failure=failure), on_cancel=OnCancel.CANCEL)
    assert (found.phase, found.exit_code) == (Phase.FAILED, 1)
    assert f"({kind})" in found.message


def test_abandon_leaves_a_cancelled_run_looking_as_it_is() -> None:
    found = verdict(snapshot(cancel_requested=True), None, on_cancel=OnCancel.ABANDON)
    assert found.message == "Extract runs on pg"


def test_causes_are_all_in_use() -> None:
    assert {cause for _, cause in TABLE} == set(Cause)
