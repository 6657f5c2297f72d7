"""Log records as text, pure: logfmt, JSON, and the trace id in lines that another formatter made.

Every record of ours is one physical line whatever its message holds, and has `trace_id=` once: the same
words inside a value are written as `trace_id\\u003d`, which logfmt and JSON readers turn back.
"""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_.,:;/@%+*()\[\]<>!?~|&$#'^{}-]+")
_KEY = re.compile(r"[^A-Za-z0-9_.-]")
# What JSON leaves alone but terminals and line readers act on: DEL and C1 controls (NEL splits lines),
# line separators, bidirectional overrides, and lone surrogates, which no stream can encode.
_ACTIVE = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_TOKEN = "trace_id="  # noqa: S105 - a log token


def to_logfmt(fields: Mapping[str, Any]) -> str:
    """`fields` as one line of logfmt; None is left out. Quoted values are JSON strings."""
    pairs = ((_KEY.sub("_", key) or "_", value) for key, value in fields.items() if value is not None)
    return " ".join(f"{key}={_logfmt_value(value)}" for key, value in pairs)


def to_json(fields: Mapping[str, Any]) -> str:
    """`fields` as one line of JSON; None is left out, and what JSON cannot hold becomes its text."""
    plain = {key: _plain(value) for key, value in fields.items() if value is not None}
    return _neutral(json.dumps(plain, ensure_ascii=False))


def with_trace_id(text: str, trace_id: str) -> str:
    """A foreign formatter's `text` with the trace id on its head line exactly once.

    The head is the first line that is not blank; what follows continues it. A JSON object gets the
    field `trace_id` instead. The token counts as present only as a word of its own: `trace_id=wf-1` is
    not in `trace_id=wf-10`.
    """
    if (as_json := _json_with_trace_id(text, trace_id)) is not None:
        return as_json
    lines = text.split("\n")
    head = next((number for number, line in enumerate(lines) if line.strip()), 0)
    token = _TOKEN + trace_id
    if not re.search(rf"(?<![^ \t]){re.escape(token)}(?![^ \t\r])", lines[head]):
        body = lines[head].rstrip("\r")
        lines[head] = f"{body} {token}{lines[head][len(body) :]}"
    return "\n".join(lines)


def timestamp(seconds: float) -> str:
    """RFC 3339 in UTC with microseconds, of seconds since the epoch."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def fields_of(record: logging.LogRecord, trace_id: str | None) -> dict[str, Any]:
    """What a line says of `record`, in the order in which it is read."""
    known: dict[str, Any] = {
        "ts": timestamp(record.created),
        "level": record.levelname.lower(),
        "logger": record.name,
        "trace_id": trace_id,
        **_temporal_fields(record),
        "msg": record.getMessage(),
    }
    known |= {key: value for key, value in _extra(record).items() if _KEY.sub("_", key) not in known}
    if record.exc_info and not record.exc_text:
        record.exc_text = logging.Formatter().formatException(record.exc_info)
    return known | {"error": record.exc_text, "stack": record.stack_info}


def _temporal_fields(record: logging.LogRecord) -> dict[str, Any]:
    """From the attributes that Temporal's own loggers set, and our filter on all other records."""
    of_activity = getattr(record, "temporal_activity", None)
    of_workflow = getattr(record, "temporal_workflow", None)
    if isinstance(of_activity, dict):
        keys = {"workflow_id": "workflow_id", "run_id": "workflow_run_id", "workflow_type": "workflow_type"}
        keys |= {"activity": "activity_type", "activity_id": "activity_id", "attempt": "attempt"}
        return {name: of_activity.get(key) for name, key in keys.items()}
    if isinstance(of_workflow, dict):
        return {name: of_workflow.get(name) for name in ("workflow_id", "run_id", "workflow_type")}
    return {}


_STANDARD = frozenset(vars(logging.LogRecord("", 0, "", 0, "", None, None))) | {
    "message",
    "asctime",
    "taskName",
    "trace_id",
    "temporal_activity",
    "temporal_workflow",
    "temporal_update",
}


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {k: v for k, v in vars(record).items() if k not in _STANDARD and not k.startswith("_")}


def _logfmt_value(value: Any) -> str:
    plain = _plain(value)
    text = plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)
    return text if _BARE.fullmatch(text) else _neutral(json.dumps(text, ensure_ascii=False))


def _neutral(text: str) -> str:
    """JSON text that no terminal acts on and in which no value can pass for the trace id's token."""
    escaped = _ACTIVE.sub(lambda match: f"\\u{ord(match.group()):04x}", text)
    return escaped.replace(_TOKEN, "trace_id\\u003d")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return str(value)
    return value


def _json_with_trace_id(text: str, trace_id: str) -> str | None:
    """`text` with the field `trace_id`, or None when it is no JSON object."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if fields.get("trace_id") == trace_id:
        return text
    if "trace_id" in fields:
        return json.dumps({**fields, "trace_id": trace_id}, ensure_ascii=False)
    rest = text.lstrip()[1:]
    comma = ", " if fields else ""
    return f'{{"trace_id": "{trace_id}"{comma}{rest}'
