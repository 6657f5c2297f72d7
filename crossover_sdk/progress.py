"""Progress that people see on the Argo node: `crossover_progress` in the memo or in a heartbeat."""

from __future__ import annotations

from typing import Any

from temporalio import activity, workflow

from crossover_sdk import names
from crossover_sdk.scopes import activity_scope, workflow_scope

MEMO_INTERVAL = 1.0
"""Least seconds, in workflow time, between two memo updates: each is an event in the history."""

_UNIT_LENGTH = 60


def report_progress(done: int, total: int, what: str = "", *, details: Any = None) -> None:
    """Say that `done` of `total` are ready, for example `report_progress(3, 7, "tables")`.

    In a workflow it updates the memo, at most once a second and always when done equals total; a
    report that falls into that second is dropped, not postponed. It is deterministic, so replay is safe.
    In an activity it heartbeats. Temporal sends heartbeats at most once per 80 % of heartbeat_timeout
    (30 s without one), so a reader sees progress that late. A local activity does not heartbeat.
    Elsewhere, as in a unit test of the same code, nothing happens.

    Args:
        done: kept within 0 and `total`, since an error here would block a workflow.
        total: zero or more.
        what: the unit, at most 60 characters.
        details: activities only: a JSON value that `last_details()` returns in the next attempt. It is
            kept until another one is given.
    """
    text = progress_text(done, total, what)
    if workflow.in_workflow():
        _report_in_workflow(text, last=done >= total)
    elif activity.in_activity():
        _heartbeat(text, details)


def progress_text(done: int, total: int, what: str = "") -> str:
    """`3/7 tables`; the unit is one line, whatever was given."""
    whole = max(0, total)
    return f"{min(max(0, done), whole)}/{whole} {' '.join(what.split())[:_UNIT_LENGTH]}".rstrip()


def _report_in_workflow(text: str, *, last: bool) -> None:
    scope, now = workflow_scope(), workflow.time()
    early = scope.reported_at is not None and now - scope.reported_at < MEMO_INTERVAL
    if (early and not last) or workflow.memo_value(names.MEMO_PROGRESS, None) == text:
        return
    workflow.upsert_memo({names.MEMO_PROGRESS: text})
    scope.reported_at = now


def _heartbeat(text: str, details: Any) -> None:
    scope = activity_scope()
    if details is not None:
        scope.details = details
    beat: dict[str, Any] = {names.MEMO_PROGRESS: text}
    if scope.details is not None:
        beat[names.HEARTBEAT_DETAILS] = scope.details
    activity.heartbeat(beat)
