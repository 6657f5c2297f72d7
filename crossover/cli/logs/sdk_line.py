"""Lines that `crossover_sdk` writes (its README; logfmt or JSON), shortened for people. Pure."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

_PAIR = re.compile(r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |$)')
_EVERY = {"ts", "level", "trace_id", "msg"}
_TOLD_ELSEWHERE = _EVERY | {
    "logger",
    "workflow_id",
    "run_id",
    "workflow_type",
    "activity",
    "activity_id",
    "attempt",
    "error",
    "stack",
}


class SdkLine(NamedTuple):
    """`below` are the lines of a traceback or stack."""

    level: str
    text: str
    below: tuple[str, ...]


def shorten(line: str) -> SdkLine | None:
    """`activity: msg key=value` of a line of ours; None for anybody else's."""
    fields = _json(line) if line.startswith("{") else _logfmt(line)
    if fields is None or not fields.keys() >= _EVERY:
        return None
    where = str(fields.get("activity") or fields.get("workflow_type") or fields.get("logger") or "")
    attempt = fields.get("attempt", 1)
    again = "" if str(attempt) == "1" else f" (attempt {attempt})"
    more = [f"{key}={_value(value)}" for key, value in fields.items() if key not in _TOLD_ELSEWHERE]
    text = " ".join([str(fields["msg"]), *more])
    below = "\n".join(str(fields[key]) for key in ("error", "stack") if fields.get(key))
    head = f"{where}{again}: " if where else ""
    return SdkLine(str(fields["level"]).lower(), head + text, tuple(below.split("\n")) if below else ())


def _logfmt(line: str) -> dict[str, Any] | None:
    fields: dict[str, Any] = {}
    at = 0
    while at < len(line):
        if (pair := _PAIR.match(line, at)) is None:
            return None
        fields[pair[1]] = _unquoted(pair[2])
        at = pair.end()
    return fields


def _unquoted(value: str) -> str:
    """Quoted values are JSON strings."""
    if not value.startswith('"'):
        return value
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def _json(line: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _value(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return (
        json.dumps(text, ensure_ascii=False)
        if isinstance(value, str) and re.search(r'[\s"=]', text)
        else text
    )
