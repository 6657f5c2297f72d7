"""Which run the calling code belongs to: one scope per workflow instance and one per activity attempt.

Workflow code is found by its event loop, which Temporal creates for each workflow instance: signal
handlers, queries, update validators and wait conditions all run on it, and none of them inherits the
context variables of the main coroutine. Activities are found by a context variable.
"""

from __future__ import annotations

import asyncio
import contextvars
from asyncio import AbstractEventLoop
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar
from weakref import WeakKeyDictionary, WeakValueDictionary

from temporalio import activity, workflow

from crossover_sdk import names
from crossover_sdk.run_context import RunContext, from_headers, from_values

P = ParamSpec("P")
T = TypeVar("T")


class WorkflowScope:
    """One workflow instance in this process; a replay after eviction makes a new one."""

    def __init__(self, run_id: str, run: RunContext | None) -> None:
        self.run_id = run_id
        self.run = run
        self.reported_at: float | None = None


class ActivityScope:
    """One attempt of an activity. `details` is what it last wanted to find again after a retry."""

    def __init__(self, run: RunContext | None, details: Any) -> None:
        self.run = run
        self.details = details


_workflows: WeakKeyDictionary[AbstractEventLoop, WorkflowScope] = WeakKeyDictionary()
_by_run_id: WeakValueDictionary[str, WorkflowScope] = WeakValueDictionary()
_activity: contextvars.ContextVar[ActivityScope] = contextvars.ContextVar("crossover_activity")


def context() -> RunContext | None:
    """The run that the calling code works for.

    Works in workflows (also in their signal, query and update handlers), activities, local activities
    and threads of the activity executor; see `bind` for threads of your own. None elsewhere, and in
    runs that nothing gave a context.
    """
    if workflow.in_workflow():
        return workflow_scope().run
    scope = _activity.get(None)
    return scope.run if scope else None


def bind(fn: Callable[P, T]) -> Callable[P, T]:
    """`fn` for a thread or executor of your own, with the caller's context (and Temporal's) in it."""
    captured = contextvars.copy_context()

    @wraps(fn)
    def bound(*args: P.args, **kwargs: P.kwargs) -> T:
        # One Context cannot be entered by two threads at once, so each call gets a copy.
        return captured.copy().run(fn, *args, **kwargs)

    return bound


def workflow_scope() -> WorkflowScope:
    """The running workflow's scope. Only for code inside a workflow."""
    loop, info = asyncio.get_running_loop(), workflow.info()
    scope = _workflows.get(loop)
    # While Temporal builds a workflow instance, its thread's loop stands in for the instance's own.
    if scope is None or scope.run_id != info.run_id:
        scope = WorkflowScope(info.run_id, from_headers(info.headers) or _from_memo())
        _workflows[loop] = _by_run_id[info.run_id] = scope
    return scope


def activity_scope() -> ActivityScope:
    """The running activity's scope. Only for code inside an activity."""
    return _activity.get(None) or enter_activity(None)


def enter_activity(run: RunContext | None) -> ActivityScope:
    """Make this task an activity's. It stays so until its end: Temporal logs the failure after the call."""
    scope = ActivityScope(run, last_details())
    _activity.set(scope)
    return scope


def last_details() -> Any:
    """What the previous attempt of this activity last gave to `report_progress(details=...)`, or None."""
    details = activity.info().heartbeat_details
    if not details:
        return None
    last = details[0]
    reported = isinstance(last, dict) and names.MEMO_PROGRESS in last
    return last.get(names.HEARTBEAT_DETAILS) if reported else last


def run_of(run_id: object) -> RunContext | None:
    """The context of a workflow run that is cached here: for records made outside of its event loop."""
    scope = _by_run_id.get(run_id) if isinstance(run_id, str) else None
    return scope.run if scope else None


def _from_memo() -> RunContext | None:
    keys = (*names.TRACE_KEYS, names.ARGO_WORKFLOW, names.ARGO_NODE, names.TENANT, names.TRACEPARENT)
    return from_values({key: _memo_value(key) for key in keys})


def _memo_value(key: str) -> Any:
    try:
        return workflow.memo_value(key, None)
    except Exception:  # an undecodable memo of another program must not fail a workflow task
        return None
