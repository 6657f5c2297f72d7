"""Reads a viewer's record of a feed, and names all that went wrong with its numbered lines.

    checker = Checker("wf-1", {"pod/main": range(1000)}, floor=500)
    for event in events: checker.take(event)
    assert checker.verdict().green, checker.verdict()

Events are the NDJSON ones of the feed. A line's source is `<pod>/<container>` (see numbered_lines).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from testbed.numbered_lines import read_line

_EXAMPLES = 10


class Fault(StrEnum):
    LOST = "lost"  # never came, and no gap tells of it
    DOUBLED = "doubled"
    OUT_OF_ORDER = "out_of_order"  # after a later line of its own source
    FOREIGN = "foreign"  # another trace's, or of a source that is not the trace's
    CORRUPT = "corrupt"  # no numbered line, or its checksum is wrong
    LATE_WITHOUT_MARK = "late_without_mark"  # older than a record before it, and does not say so
    UNMARKED_GAP = "unmarked_gap"  # the feed's own count jumps, and no gap tells why
    MISCOUNTED = "miscounted"  # the feed's own count stands still or runs back


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a record amounts to.

    Args:
        void: fewer lines than the floor: it proves nothing.
        gapped: lines that did not come, of which a gap told.
        end: the `end` event's data, or None.
    """

    lines: int
    void: bool
    faults: Mapping[Fault, int]
    gapped: int
    examples: tuple[str, ...]
    end: Mapping[str, Any] | None

    @property
    def green(self) -> bool:
        return not self.void and not self.faults

    def __str__(self) -> str:
        state = "green" if self.green else "void" if self.void and not self.faults else "red"
        said = [f"{fault} {count}" for fault, count in self.faults.items()]
        return f"{state}: " + ", ".join([f"{self.lines} lines", *said, *self.examples])


@dataclass(slots=True)
class _Hole:
    """Numbers [first, stop) that did not come, and where in the feed they are missed."""

    first: int
    stop: int
    after: tuple[int, str]
    before: tuple[int, str]


@dataclass(slots=True)
class _Gap:
    source: str | None
    at: int
    since: str | None
    until: str | None

    def explains(self, source: str, hole: _Hole) -> bool:
        """By time where the gap tells it, else by its place in the feed."""
        if self.source not in (None, source):
            return False
        if self.since is None and self.until is None:
            return hole.after[0] <= self.at <= hole.before[0]
        since, until = self.since or "", self.until or "~"
        return since <= hole.before[1] and hole.after[1] <= until


@dataclass(slots=True)
class _Source:
    next: int
    last: tuple[int, str] = (0, "")
    holes: list[_Hole] = field(default_factory=list)


class Checker:
    """Takes a feed event by event.

    Args:
        expected: for each source of the trace the numbers that it wrote; None where that is not known: then
            lines before the first one seen and after the last one seen are not missed.
        floor: fewer lines than that prove nothing.
    """

    def __init__(self, trace_id: str, expected: Mapping[str, range | None], *, floor: int = 1) -> None:
        self._trace = trace_id
        self._expected = dict(expected)
        self._floor = floor
        self._sources: dict[str, _Source] = {}
        self._gaps: list[_Gap] = []
        self._faults: Counter[Fault] = Counter()
        self._examples: list[str] = []
        self._lines = 0
        self._events = 0
        self._newest = ""
        self._seq: int | None = None
        self._gap_since_line = False
        self._end: Mapping[str, Any] | None = None

    def take_all(self, events: Iterable[Mapping[str, Any]]) -> None:
        for event in events:
            self.take(event)

    def take(self, event: Mapping[str, Any]) -> None:
        """One NDJSON event; heartbeats and states count for nothing."""
        kind = event["event"]
        self._events += 1
        if kind == "log":
            self._record(event)
        elif kind == "gap":
            self._gap(event)
        elif kind == "end":
            self._end = event

    def verdict(self) -> Verdict:
        """Of what has been taken so far."""
        faults, examples, gapped = Counter(self._faults), list(self._examples), 0
        for name, numbers in self._expected.items():
            for hole in self._holes(name, numbers):
                if any(gap.explains(name, hole) for gap in self._gaps):
                    gapped += hole.stop - hole.first
                else:
                    faults[Fault.LOST] += hole.stop - hole.first
                    examples.append(f"lost {name} n={hole.first}..{hole.stop - 1}")
        void = self._lines < self._floor
        return Verdict(self._lines, void, dict(faults), gapped, tuple(examples[:_EXAMPLES]), self._end)

    def _record(self, record: Mapping[str, Any]) -> None:
        self._lines += 1
        ts = record["ts"]
        self._check_time(ts, record)
        self._check_seq(record)
        line = read_line(record["msg"])
        if line is None or not line.sound:
            self._fault(Fault.CORRUPT, record)
        elif line.source not in self._expected or line.trace not in (None, self._trace):
            self._fault(Fault.FOREIGN, record)
        else:
            self._number(line.source, line.number, ts, record)

    def _check_time(self, ts: str, record: Mapping[str, Any]) -> None:
        if ts >= self._newest:
            self._newest = ts
        elif record.get("late") is not True:
            self._fault(Fault.LATE_WITHOUT_MARK, record)

    def _check_seq(self, record: Mapping[str, Any]) -> None:
        seq = record.get("seq")
        if seq is None:
            return
        last, self._seq = self._seq, seq
        if last is not None and seq <= last:
            self._fault(Fault.MISCOUNTED, record)
        elif last is not None and seq > last + 1 and not self._gap_since_line:
            self._fault(Fault.UNMARKED_GAP, record)
        self._gap_since_line = False

    def _number(self, name: str, number: int, ts: str, record: Mapping[str, Any]) -> None:
        source = self._sources.get(name)
        if source is None:
            numbers = self._expected[name]
            source = self._sources[name] = _Source(number if numbers is None else numbers.start)
        here = (self._events, ts)
        if number == source.next:
            source.next = number + 1
        elif number > source.next:
            source.holes.append(_Hole(source.next, number, source.last, here))
            source.next = number + 1
        else:
            filled = self._fill(source, number)
            self._fault(Fault.OUT_OF_ORDER if filled else Fault.DOUBLED, record)
        source.last = here

    def _fill(self, source: _Source, number: int) -> bool:
        """Whether the number was missing."""
        for place, hole in enumerate(source.holes):
            if hole.first <= number < hole.stop:
                left = _Hole(hole.first, number, hole.after, hole.before)
                right = _Hole(number + 1, hole.stop, hole.after, hole.before)
                source.holes[place : place + 1] = [part for part in (left, right) if part.first < part.stop]
                return True
        return False

    def _holes(self, name: str, numbers: range | None) -> list[_Hole]:
        source = self._sources.get(name) or _Source(numbers.start if numbers else 0)
        holes = list(source.holes)
        if numbers is not None and source.next < numbers.stop:
            holes.append(_Hole(source.next, numbers.stop, source.last, (self._events, "~")))
        return holes

    def _gap(self, event: Mapping[str, Any]) -> None:
        pod, container = event.get("pod"), event.get("container")
        source = f"{pod}/{container}" if pod and container else None
        self._gaps.append(_Gap(source, self._events, event.get("from"), event.get("to")))
        self._gap_since_line = True

    def _fault(self, fault: Fault, record: Mapping[str, Any]) -> None:
        self._faults[fault] += 1
        if len(self._examples) < _EXAMPLES:
            self._examples.append(f"{fault} {record['ts']} {record['msg'][:160]}")
