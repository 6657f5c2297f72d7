"""Puts the trace id on every log line, once, and keeps workflow lines from repeating on replay.

All of it hangs on handlers: a filter on a logger would miss the records of the loggers below it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, MutableMapping
from typing import Any, Literal, TextIO

from temporalio import activity, workflow

from crossover_sdk import names
from crossover_sdk.formats import fields_of, to_json, to_logfmt, with_trace_id
from crossover_sdk.run_context import is_trace_id
from crossover_sdk.scopes import context, run_of

Format = Literal["logfmt", "json"]


class LogfmtFormatter(logging.Formatter):
    """One line of logfmt per record; a traceback is the escaped field `error`."""

    def format(self, record: logging.LogRecord) -> str:
        return to_logfmt(fields_of(record, _trace_id(record)))


class JsonFormatter(logging.Formatter):
    """One JSON object per record and line; a traceback is the field `error`."""

    def format(self, record: logging.LogRecord) -> str:
        return to_json(fields_of(record, _trace_id(record)))


class TraceFormatter(logging.Formatter):
    """An application's own formatter, whose head lines get ` trace_id=<id>` where it is not there yet."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        # Handlers such as rich's read their formatter's settings.
        vars(self).update(vars(inner))
        self.inner = inner

    def format(self, record: logging.LogRecord) -> str:
        text, trace_id = self.inner.format(record), _trace_id(record)
        return with_trace_id(text, trace_id) if trace_id else text


class RunFilter(logging.Filter):
    """Drops what a replay repeats, and notes on the record which run it belongs to.

    The note survives queues: a record that another thread formats keeps the trace id it was made under.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        # Temporal's own loggers decide for themselves what a replay repeats.
        if not record.name.startswith("temporalio") and _replaying():
            return False
        _note_run(record)
        return True


def configure_logging(
    format: Format = "logfmt", level: int | str = logging.INFO, stream: TextIO | None = None
) -> None:
    """Log everything from `level` up to `stream` (default: standard output), one line per record.

    For applications without a logging set-up of their own. Calling it again replaces the earlier call.
    """
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler, _OwnHandler)]:
        root.removeHandler(handler)
    own = _OwnHandler(stream or sys.stdout)
    own.setFormatter(JsonFormatter() if format == "json" else LogfmtFormatter())
    own.addFilter(RunFilter())
    root.addHandler(own)
    root.setLevel(level)
    # The same facts are fields here; in the message they are a Python dict in brackets.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def install_logging(format: Format = "logfmt", level: int | str = logging.INFO) -> None:
    """Wrap every handler there is, or configure logging if there is none; again is harmless.

    The plugin does it when a worker starts. Call it yourself after handlers are added or replaced later.
    """
    if not _configured():
        configure_logging(format, level)
    for handler in (*_handlers(), *([logging.lastResort] if logging.lastResort else [])):
        _wrap(handler)


def add_trace_id(logger: Any, name: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: adds `trace_id`, and drops events that a workflow's replay repeats."""
    # The caller's own structlog: the sandbox may have a copy, and the SDK does not depend on it.
    if _replaying() and (structlog := sys.modules.get("structlog")):
        raise structlog.DropEvent
    if (run := context()) is not None:
        event_dict[names.TRACE_ID] = run.trace_id
    return event_dict


class _OwnHandler(logging.StreamHandler[TextIO]):
    """The handler of `configure_logging`."""


def _configured() -> bool:
    """Whether a handler of ours on the root logger would print some line a second time.

    Loggers that keep their lines to themselves, as web servers' access logs do, say nothing about the rest.
    """
    loggers = [logger for logger in _loggers() if logger.parent is None or logger.propagate]
    return any(
        not isinstance(handler, logging.NullHandler) for logger in loggers for handler in logger.handlers
    )


def _loggers() -> list[logging.Logger]:
    known = logging.Logger.manager.loggerDict.values()
    return [logging.getLogger(), *(each for each in known if isinstance(each, logging.Logger))]


def _handlers() -> Iterator[logging.Handler]:
    """Every handler attached to a logger, once."""
    found = {id(h): h for logger in _loggers() for h in logger.handlers}
    return (handler for handler in found.values() if not isinstance(handler, logging.NullHandler))


def _wrap(handler: logging.Handler) -> None:
    if not any(isinstance(filter, RunFilter) for filter in handler.filters):
        handler.addFilter(RunFilter())
    if not isinstance(handler.formatter, TraceFormatter | LogfmtFormatter | JsonFormatter):
        handler.setFormatter(TraceFormatter(handler.formatter or logging.Formatter()))


def _replaying() -> bool:
    return workflow.in_workflow() and workflow.unsafe.is_replaying_history_events()


def _trace_id(record: logging.LogRecord) -> str | None:
    noted = getattr(record, names.TRACE_ID, None)
    if is_trace_id(noted):
        return str(noted)
    run = context()
    return run.trace_id if run else None


def _note_run(record: logging.LogRecord) -> None:
    attributes = vars(record)
    if workflow.in_workflow():
        attributes.setdefault("temporal_workflow", _workflow_details())
    elif activity.in_activity():
        attributes.setdefault("temporal_activity", _activity_details())
    # Temporal logs a failed workflow task outside of the workflow's event loop, with its run id.
    details = attributes.get("temporal_workflow")
    run = context() or run_of(details.get("run_id") if isinstance(details, dict) else None)
    if run is not None:
        attributes[names.TRACE_ID] = run.trace_id


def _workflow_details() -> dict[str, Any]:
    info = workflow.info()
    return {"workflow_id": info.workflow_id, "run_id": info.run_id, "workflow_type": info.workflow_type}


def _activity_details() -> dict[str, Any]:
    info = activity.info()
    return {
        "workflow_id": info.workflow_id,
        "workflow_run_id": info.workflow_run_id,
        "workflow_type": info.workflow_type,
        "activity_type": info.activity_type,
        "activity_id": info.activity_id,
        "attempt": info.attempt,
    }
