"""Many logs into one, by time, as they arrive. Pure.

What is handed on is in order as far as a small window allows: an entry waits until every open source has
come as far as it, or until it has waited for `window` seconds. One that arrives after newer ones have
been handed on is handed on at once, and marked `late`. Nothing is dropped, nothing comes twice, and the
order within one source is never changed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Generic, Protocol, TypeVar

from log_streamer.lines.stamps import ZERO

_key = attrgetter("key")
_END = b"\xff"


class Entry(Protocol):
    """What is merged. `key` may be raised to keep a source's own order; `stamp` stays what it is."""

    key: bytes
    stamp: bytes
    late: bool


E = TypeVar("E", bound=Entry)


@dataclass(slots=True)
class _Source(Generic[E]):
    opened: float
    aside: bool = False
    last: bytes = ZERO
    """The newest key that has come: nothing older will."""
    catching_up: bool = True
    entries: list[E] = field(default_factory=list)
    arrivals: deque[tuple[int, float]] = field(default_factory=deque)
    """How many entries arrived when, oldest first."""

    def expired(self, before: float) -> bytes:
        """The newest key among the entries that arrived before a moment."""
        count = 0
        for number, arrived in self.arrivals:
            if arrived > before:
                break
            count += number
        return self.entries[count - 1].key if count else b""

    def remove(self, upto: bytes) -> list[E]:
        if not self.entries or self.entries[0].key > upto:
            return []
        count = bisect_right(self.entries, upto, key=_key)
        taken, self.entries = self.entries[:count], self.entries[count:]
        while count:
            number, arrived = self.arrivals.popleft()
            if number > count:
                self.arrivals.appendleft((number - count, arrived))
                break
            count -= number
        return taken


class Merge(Generic[E]):
    """Times are seconds of any one clock that only goes forward.

    Args:
        window: seconds that an entry waits at most for older ones of other sources.
        limit: entries that may wait at once; beyond it all are handed on, so that memory is bounded.
        catch_up: seconds that a source which was just opened, and still brings its past, holds back all
            others at most.
    """

    def __init__(self, window: float, limit: int, catch_up: float = 5.0) -> None:
        self._window = window
        self._limit = limit
        self._catch_up = catch_up
        self._sources: dict[object, _Source[E]] = {}
        self._high = ZERO
        self.held = 0

    def open(self, source: object, now: float, *, aside: bool = False) -> None:
        """A source that will bring entries: others wait for it, as far as the window allows; not for one
        that is `aside`, since what it brings comes rarely."""
        self._sources[source] = _Source(now, aside, catching_up=not aside)

    def settle(self, source: object) -> None:
        """A source has brought its past, and is as far as the others."""
        if source in self._sources:
            self._sources[source].catching_up = False

    def close(self, source: object) -> None:
        """Nothing more will come of it, and nobody waits for it; what it brought is still handed on."""
        found = self._sources.get(source)
        if found is not None:
            found.last, found.catching_up = _END, False

    def push(self, source: object, entries: Sequence[E], now: float, upto: bytes = b"") -> None:
        """Entries of an open source, in its order. `upto`: how far it has come with things not pushed."""
        state = self._sources[source]
        last = state.last
        for entry in entries:
            if entry.key < last:
                entry.key = last
            else:
                last = entry.key
        state.last = max(last, upto)
        if entries:
            state.entries.extend(entries)
            state.arrivals.append((len(entries), now))
            self.held += len(entries)

    def drained(self, source: object) -> bool:
        """Whether all of a closed source has been handed on."""
        return source not in self._sources

    def release(self, now: float) -> list[E]:
        """What need not wait any longer, in order."""
        if not self.held:
            self._forget_closed()
            return []
        upto = self._bound(now)
        runs = [run for source in self._sources.values() if (run := source.remove(upto))]
        self._forget_closed()
        out = [entry for run in runs for entry in run]
        if len(runs) > 1:
            out.sort(key=_key)
        self.held -= len(out)
        self._mark_late(out)
        return out

    def due(self, now: float) -> float | None:
        """When the oldest entry will have waited long enough; None when nothing waits."""
        waiting = [source.arrivals[0][1] for source in self._sources.values() if source.arrivals]
        if not waiting:
            return None
        if self.catching_up(now):
            held_until = max(each.opened for each in self._sources.values() if each.catching_up)
            return held_until + self._catch_up
        return min(waiting) + self._window

    def catching_up(self, now: float) -> bool:
        """Whether a source still brings its past, and others wait for it."""
        since = now - self._catch_up
        return any(each.catching_up and each.opened > since for each in self._sources.values())

    def behind(self) -> list[object]:
        """The open sources that all others wait for: those that a puller should ask for more."""
        sources = {
            name: source.last
            for name, source in self._sources.items()
            if source.last != _END and not source.aside
        }
        least = min(sources.values(), default=None)
        return [name for name, last in sources.items() if last == least]

    def _bound(self, now: float) -> bytes:
        if self.held > self._limit:
            return _END
        sources = self._sources.values()
        bound = min((source.last for source in sources if not source.aside), default=_END)
        if self.catching_up(now):
            return bound
        return max(bound, *(source.expired(now - self._window) for source in sources))

    def _forget_closed(self) -> None:
        gone = [name for name, each in self._sources.items() if each.last == _END and not each.entries]
        for name in gone:
            del self._sources[name]

    def _mark_late(self, out: list[E]) -> None:
        high = self._high
        for entry in out:
            if entry.stamp < high:
                entry.late = True
            else:
                high = entry.stamp
        self._high = high
