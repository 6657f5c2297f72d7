"""Who listens to a follow: taps, by the trace whose lines they want."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from log_streamer.model import Reason


class Tap(Protocol):
    """Where a follow's lines of one trace go. All calls are made in the event loop, and return at once."""

    trace: bytes

    @property
    def full(self) -> bool:
        """Whether it has more than its readers keep up with."""
        ...

    def lines(self, lines: Sequence[bytes], upto: bytes) -> None:
        """Raw lines, without their ends. `upto`: the timestamp as far as the log has been read."""
        ...

    def gap(self, reason: Reason, detail: str, since: bytes | None, until: bytes | None) -> None: ...

    def settled(self) -> None:
        """The log's past has been read; what comes now is new."""
        ...

    def ended(self) -> None:
        """The log is over, and has been read whole. Nothing is called after this."""
        ...


class Taps:
    """The listeners of one follow. Those of a log that is over are told at once."""

    def __init__(self) -> None:
        self._taps: dict[bytes, list[Tap]] = {}
        self._settled = False
        self._ended = False

    def __iter__(self) -> Iterator[Tap]:
        return iter([tap for taps in self._taps.values() for tap in taps])

    def __bool__(self) -> bool:
        return bool(self._taps)

    @property
    def traces(self) -> Collection[bytes]:
        return self._taps.keys()

    @property
    def full(self) -> bool:
        """Whether even the one with the fastest readers has more than these keep up with."""
        return bool(self) and all(tap.full for tap in self)

    def of(self, trace: bytes) -> Sequence[Tap]:
        return self._taps[trace]

    def add(self, tap: Tap) -> None:
        if self._ended:
            tap.ended()
            return
        self._taps.setdefault(tap.trace, []).append(tap)
        if self._settled:
            tap.settled()

    def remove(self, tap: Tap) -> None:
        taps = self._taps.get(tap.trace, [])
        if tap in taps:
            taps.remove(tap)
        if not taps:
            self._taps.pop(tap.trace, None)

    def settle(self) -> None:
        if not self._settled:
            self._settled = True
            for tap in self:
                tap.settled()

    def end(self) -> None:
        self._ended = True
        for tap in self:
            tap.ended()
