"""A merge whose every answer is held against what it promises, and random lives for it."""

from __future__ import annotations

import math
import random
from collections import deque
from dataclasses import dataclass, field

from log_streamer.feed.merge import Merge
from log_streamer.lines.stamps import ZERO, stamp_of_nanos

SLACK = 1e-6
"""Seconds by which a sum of floats may miss its moment."""


@dataclass(slots=True, eq=False)
class Line:
    """What the tests merge: an entry that knows where it is from, and when it came."""

    source: int
    number: int
    stamp: bytes
    arrived: float = 0.0
    late: bool = False
    key: bytes = b""

    def __post_init__(self) -> None:
        self.key = self.stamp


def at(nanos: int) -> bytes:
    return stamp_of_nanos(1_000_000_000_000 + nanos)


STAMPS = [at(nanos) for nanos in range(5000)]


def line(source: int, nanos: int, number: int = 0) -> Line:
    return Line(source, number, STAMPS[nanos])


@dataclass
class Checked:
    """A merge whose every answer is held against what the module promises."""

    window: float
    limit: int
    catch_up: float = 5.0
    now: float = 0.0
    high: bytes = ZERO
    largest: int = 0
    handed_on: int = 0
    late: int = 0
    forced: int = 0
    waiting: dict[int, deque[Line]] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.merge: Merge[Line] = Merge(self.window, self.limit, self.catch_up)

    def open(self, source: int, *, aside: bool = False, settled: bool = True) -> None:
        self.merge.open(source, self.now, aside=aside)
        self.waiting.setdefault(source, deque())
        if settled:
            self.merge.settle(source)

    def push(self, source: int, stamps: list[bytes], upto: bytes = b"") -> None:
        first = self.counts.get(source, 0)
        entries = [Line(source, first + number, stamp, self.now) for number, stamp in enumerate(stamps)]
        self.counts[source] = first + len(entries)
        self.waiting[source].extend(entries)
        self.largest = max(self.largest, len(entries))
        self.merge.push(source, entries, self.now, upto)

    @property
    def held(self) -> int:
        return sum(map(len, self.waiting.values()))

    def release(self) -> list[Line]:
        catching_up = self.merge.catching_up(self.now)
        self.forced += self.held > self.limit
        out = self.merge.release(self.now)
        for entry in out:
            # nothing lost, nothing twice, a source's own order
            assert self.waiting[entry.source].popleft() is entry
            # late: older than one that was handed on before, and only then
            assert entry.late == (entry.stamp < self.high)
            self.high = max(self.high, entry.stamp)
            self.late += entry.late
        self.handed_on += len(out)
        assert self.merge.held == self.held <= self.limit
        assert [entry.key for entry in out] == sorted(entry.key for entry in out)
        if not catching_up:
            expired = self.now - self.window - SLACK
            assert all(not queue or queue[0].arrived > expired for queue in self.waiting.values())
        return out

    def end(self) -> None:
        """All sources close: all that waits comes."""
        for source in self.waiting:
            self.merge.close(source)
        self.release()
        assert self.held == 0
        assert self.handed_on == sum(self.counts.values())
        assert all(self.merge.drained(source) for source in self.waiting)


def interleaving(rng: random.Random, steps: int, *, sources: int, limit: int) -> Checked:
    """A life of a merge: logs open, bring lines more or less in order, are cut, close and come again."""
    checked = Checked(rng.choice((0.0, 0.5, 3.0, math.inf)), limit, catch_up=rng.choice((0.0, 5.0)))
    open_sources: list[int] = []
    opened, disorder = 0, rng.choice((0, 0, 3, 30))
    for step in range(steps):
        action = rng.random()
        if not open_sources or (action < 0.04 and len(open_sources) < sources):
            checked.open(opened, aside=rng.random() < 0.15, settled=rng.random() < 0.7)
            open_sources.append(opened)
            opened += 1
        elif action < 0.06:
            checked.merge.close(open_sources.pop(rng.randrange(len(open_sources))))
        elif action < 0.09:
            checked.merge.settle(rng.choice(open_sources))
        elif action < 0.70:
            base = step * 4999 // steps
            stamps = [
                STAMPS[max(0, base - rng.randint(0, disorder) - rng.choice((0, 0, 0, 40)))]
                for _ in range(rng.choice((0, 1, 1, 2, 5)))
            ]
            upto = STAMPS[base] if rng.random() < 0.1 else b""
            checked.push(rng.choice(open_sources), stamps, upto)
        elif action < 0.8:
            checked.now += rng.choice((0.05, 0.05, 0.6, 6.0))
        else:
            checked.release()
        if checked.merge.held > checked.limit + checked.largest:
            raise AssertionError("held more than the limit and one push")
        if checked.merge.held > checked.limit:
            checked.release()
    checked.end()
    return checked
