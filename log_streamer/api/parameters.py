"""What a viewer asks for, read strictly: a misspelt filter that is ignored would show the wrong lines."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from crossover.contract.durations import parse_duration
from crossover.contract.run import valid_trace_id
from crossover.errors import InvalidField
from log_streamer.feed.cursor import Cursor
from log_streamer.feed.filters import Filter
from log_streamer.lines.levels import LEVELS, Level
from log_streamer.lines.secrets import compiled_grep
from log_streamer.lines.stamps import ZERO, nanos_of, split_stamp, stamp_of_nanos
from log_streamer.model import SourceName

NAMES = (
    "since", "follow", "tail", "node", "source", "level", "grep", "max_lines", "timeout",
    "argoexec", "cursor", "batch", "format",
)  # fmt: skip
REPEATABLE = frozenset({"node", "source"})
MAX_GREP = 1000

Values = Mapping[str, Sequence[str]]
T = TypeVar("T")


class Format(StrEnum):
    SSE = "sse"
    NDJSON = "ndjson"
    TEXT = "text"


MEDIA_TYPES = {
    Format.SSE: "text/event-stream",
    Format.NDJSON: "application/x-ndjson",
    Format.TEXT: "text/plain",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """One stream as asked for. `max_lines` and `timeout` (seconds) can only lower the server's limits."""

    trace_id: str
    cursor: Cursor
    filter: Filter
    follow: bool
    tail: int | None
    max_lines: int | None
    timeout: float | None
    batch: bool
    format: Format


def read_wanted(trace_id: str, values: Values, *, accept: str, last_event_id: str | None) -> Wanted:
    """Raises InvalidField, naming the parameter and what it takes."""
    _check_names(values)
    if not valid_trace_id(trace_id):
        raise InvalidField(
            "trace_id: takes letters, digits, dots, hyphens and underscores.", field="trace_id"
        )
    # EventSource repeats its URL, cursor and all, when it reconnects: the header is the newer one.
    given = _cursor(last_event_id or _one(values, "cursor"))
    cursor = given or Cursor(since=_since(_one(values, "since")))
    tail = _number(values, "tail", least=0)
    return Wanted(
        trace_id=trace_id,
        cursor=cursor,
        filter=_filter(values, cursor),
        follow=_flag(values, "follow", default=True),
        tail=None if given else tail,
        max_lines=_number(values, "max_lines", least=1),
        timeout=_timeout(_one(values, "timeout")),
        batch=_flag(values, "batch", default=False),
        format=_format(_one(values, "format"), accept),
    )


def _filter(values: Values, cursor: Cursor) -> Filter:
    return Filter(
        since=stamp_of_nanos(cursor.since) if cursor.since else ZERO,
        nodes=frozenset(values.get("node", ())),
        sources=frozenset(_choice(value, SourceName, "source") for value in values.get("source", ())),
        level=_level(_one(values, "level")),
        grep=_grep(_one(values, "grep")),
        argoexec=_flag(values, "argoexec", default=False),
    )


def _check_names(values: Values) -> None:
    for name, given in values.items():
        if name not in NAMES:
            raise InvalidField(f"{name}: is no parameter; there are {', '.join(NAMES)}.", field=name)
        if len(given) > 1 and name not in REPEATABLE:
            raise InvalidField(f"{name}: is given more than once.", field=name)


def _one(values: Values, name: str) -> str | None:
    given = values.get(name)
    return given[0] if given and given[0] != "" else None


def _cursor(text: str | None) -> Cursor | None:
    if not text:
        return None
    try:
        return Cursor.decode(text)
    except ValueError as error:
        raise InvalidField(f"cursor: {error}.", field="cursor") from None


def _since(text: str | None) -> int:
    """Nanoseconds since the epoch; 0 for none."""
    if text is None:
        return 0
    stamp, rest = split_stamp(text.strip().encode())
    try:
        if stamp is None or rest:
            return max(0, time.time_ns() - int(parse_duration(text) * 1e9))
        datetime.fromisoformat(stamp[:19].decode())  # ValueError for the 31st of February
        return nanos_of(stamp)
    except ValueError:
        raise InvalidField(
            "since: takes a duration such as 10m, or an RFC 3339 time.", field="since"
        ) from None


def _timeout(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise InvalidField(f"timeout: {error}.", field="timeout") from None
    if not 0 < seconds < math.inf:
        raise InvalidField("timeout: must be more than 0.", field="timeout")
    return seconds


def _number(values: Values, name: str, *, least: int) -> int | None:
    text = _one(values, name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or not least <= int(text[:12]) <= 10**9 or len(text) > 12:
        raise InvalidField(f"{name}: must be a whole number of {least} or more.", field=name)
    return int(text)


def _flag(values: Values, name: str, *, default: bool) -> bool:
    text = _one(values, name)
    if text is None:
        return default
    if text.lower() not in ("true", "false", "1", "0"):
        raise InvalidField(f"{name}: takes true or false.", field=name)
    return text.lower() in ("true", "1")


def _level(text: str | None) -> Level:
    if text is None:
        return Level.UNKNOWN
    try:
        return LEVELS[text.lower()]
    except KeyError:
        raise InvalidField(f"level: takes {', '.join(LEVELS)}.", field="level") from None


def _grep(pattern: str | None) -> object:
    if pattern is None:
        return None
    if len(pattern) > MAX_GREP:
        raise InvalidField(f"grep: takes {MAX_GREP} characters at most.", field="grep")
    try:
        return compiled_grep(pattern)
    except ValueError as error:
        raise InvalidField(f"grep: {error}. It takes RE2 syntax.", field="grep") from None


def _format(text: str | None, accept: str) -> Format:
    if text is not None:
        return _choice(text, Format, "format")
    for media_type in accept.split(","):
        for form, known in MEDIA_TYPES.items():
            if media_type.split(";")[0].strip().lower() == known:
                return form
    return Format.SSE


E_ = TypeVar("E_", bound=StrEnum)


def _choice(text: str, kind: type[E_], name: str) -> E_:
    try:
        return kind(text.lower())
    except ValueError:
        raise InvalidField(f"{name}: takes {', '.join(kind)}.", field=name) from None
