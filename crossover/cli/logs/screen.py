"""The feed's events as lines for people: time, where from, what. Pure: text out, no terminal."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

from crossover.cli.logs.safe import safe
from crossover.cli.logs.sdk_line import SdkLine, shorten

Json = dict[str, Any]

LONGEST_LABEL = 28
FAINT = "2"
SOURCE_COLORS = ("36", "32", "35", "34", "33", "96", "92", "95", "94", "93")
LEVEL_COLORS = {"error": "31", "fatal": "31", "critical": "31", "warn": "33", "warning": "33"}
LEVEL_COLORS |= {"debug": FAINT, "trace": FAINT}
LOUD = {"error": "ERROR ", "fatal": "FATAL ", "critical": "CRITICAL ", "warn": "WARN ", "warning": "WARN "}

_MARKS = {"succeeded": "✔", "completed": "✔", "error": "⚠", "skipped": "○", "omitted": "○"}
_MARKS |= dict.fromkeys(("failed", "timedout", "timed_out", "terminated", "canceled", "cancelled"), "✖")
_MARK_COLORS = {"✔": "32", "✖": "31", "⚠": "31", "○": FAINT, "▶": "36"}


class Screen:
    """Renders each event once, in the order in which they come.

    Args:
        color: use ANSI sequences.
        utc: times in UTC instead of local ones.
        raw: lines of crossover_sdk whole instead of shortened.
        today: the day whose times need no date above them; by default the present one.
    """

    def __init__(self, *, color: bool, utc: bool, raw: bool, today: date | None = None) -> None:
        self._color = color
        self._utc = utc
        self._raw = raw
        self._day = today or datetime.now(UTC).astimezone(UTC if utc else None).date()
        self._width = 0

    def records(self, records: Iterable[Json]) -> Iterator[str]:
        """Lines without their ends, for the records of a `log` event."""
        for record in records:
            yield from self._record(record)

    def state(self, state: Json) -> Iterator[str]:
        moment = self._moment(state.get("ts"))
        yield from self._date(moment)
        phase = _text(state, "phase")
        mark = _MARKS.get(phase.lower(), "▶")
        kind = _text(state, "kind")
        name = _text(state, "name") or _text(state, "id")
        words = [] if kind == "node" else [kind]
        words += [name, phase.lower() if phase == "Running" else phase]
        if isinstance(attempt := state.get("attempt"), int) and attempt > 1:
            words.append(f"(attempt {attempt})")
        if progress := _text(state, "progress"):
            words.append(progress)
        because = f": {message}" if (message := _text(state, "message")) else ""
        text = safe(" ".join(words) + because)
        yield f"{self._time(moment)} {self._paint(mark, _MARK_COLORS[mark])} {text}"

    def gap(self, gap: Json) -> Iterator[str]:
        lost = gap.get("lost")
        count = f"{lost} lines" if isinstance(lost, int) else "lines"
        where = "/".join(part for key in ("source", "pod", "container") if (part := _text(gap, key)))
        times = [self._clock(self._moment(gap.get(key))) for key in ("from", "to") if gap.get(key)]
        words = [f"~~~ gap: {count} may be missing"] + ([f"from {where}"] if where else [])
        words += [f"({' to '.join(times)})"] if times else []
        detail = _text(gap, "detail") or _text(gap, "reason")
        yield self._paint(safe(" ".join(words) + (f": {detail}" if detail else "")), "1;33")

    def _record(self, record: Json) -> Iterator[str]:
        moment = self._moment(record.get("ts"))
        yield from self._date(moment)
        message = _text(record, "msg")
        short = None if self._raw else shorten(message)
        level = (short.level if short else _text(record, "level")).lower()
        code = LEVEL_COLORS.get(level) or ("33" if record.get("stream") == "stderr" and not level else "")
        text = self._paint(safe(_shown(message, short)), code)
        late = self._paint(" (late)", FAINT) if record.get("late") is True else ""
        yield f"{self._time(moment)} {self._label(record)} │ {text}{late}"
        for line in short.below if short else ():
            yield f"{' ' * (13 + self._width)} │ {self._paint('  ' + safe(line), code)}"

    def _label(self, record: Json) -> str:
        """The colour is the source's own on every machine and every day."""
        node = record.get("node")
        name = _text(node, "name") if isinstance(node, dict) else ""
        name = safe(name or _text(record, "pod") or _text(record, "source") or "?")
        container = _text(record, "container")
        # A worker's pod has one container that knows of traces; its name would only push the pod's away.
        if container not in ("", "main") and record.get("source") != "worker":
            name += f"/{safe(container)}"
        color = SOURCE_COLORS[zlib.crc32(name.encode("utf-8", "replace")) % len(SOURCE_COLORS)]
        if len(name) > LONGEST_LABEL:
            name = "…" + name[1 - LONGEST_LABEL :]  # the end of a pod's name tells it from its siblings
        self._width = max(self._width, len(name))
        return self._paint(name.ljust(self._width), color)

    def _date(self, moment: datetime | None) -> Iterator[str]:
        if moment is not None and moment.date() != self._day:
            self._day = moment.date()
            yield self._paint(f"─── {self._day.isoformat()} ───", FAINT)

    def _time(self, moment: datetime | None) -> str:
        return self._paint(self._clock(moment), FAINT)

    def _clock(self, moment: datetime | None) -> str:
        return moment.strftime("%H:%M:%S.%f")[:-3] if moment else "--:--:--.---"

    def _moment(self, ts: object) -> datetime | None:
        try:
            moment = datetime.fromisoformat(ts) if isinstance(ts, str) else None
            if moment is None or moment.tzinfo is None:
                return None
            return moment.astimezone(UTC if self._utc else None)
        except (ValueError, OverflowError):
            return None

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._color and code else text


def _shown(message: str, short: SdkLine | None) -> str:
    """A shortened line has lost its level, so a loud one says it again."""
    return message if short is None else LOUD.get(short.level, "") + short.text


def _text(fields: Json, key: str) -> str:
    value = fields.get(key)
    return value if isinstance(value, str) else ""
