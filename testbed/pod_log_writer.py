"""Writes numbered lines into a container's log at a rate, cheaply enough to load a reader."""

from __future__ import annotations

import asyncio
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from testbed.numbered_lines import LENGTH, NumberedLines
from testbed.pod_log_files import Block, ContainerLog

_TICK = 0.02
"""Seconds between two writes."""

_MOST_AT_ONCE = 4000
"""Lines of one block: they are built without giving way to readers."""

_MOST_BEHIND = 4 << 20
"""Bytes that the slowest reader may be behind a writer that waits for readers."""


@dataclass(frozen=True, slots=True)
class Writing:
    """What to write.

    Args:
        trace: whose lines, for a worker; None: an Argo step, which has no trace on its lines.
        every: one line in so many belongs to `trace`, the others to other traces.
        rate: lines in a second; 0: as fast as it goes.
        wait: never so far ahead of a reader that rotation could cost it lines; and not before one is there.
        disorder: nanoseconds by which every seventh line's timestamp is earlier than it should be, as when
            stderr overtakes stdout.
    """

    source: str
    count: int
    rate: float = 0
    trace: str | None = None
    every: int = 1
    start: int = 0
    length: int = LENGTH
    wait: bool = False
    disorder: int = 0

    @property
    def expected(self) -> range:
        """The numbers of the trace's own lines."""
        return range(-(-self.start // self.every), -(-(self.start + self.count) // self.every))


class LineMaker:
    """Makes lines number `start`, `start + 1`, … of a source's whole log."""

    def __init__(self, writing: Writing) -> None:
        self._writing = writing
        own = NumberedLines(writing.source, writing.trace, writing.length)
        others = [
            NumberedLines(writing.source, f"{writing.trace}{digit}", writing.length)
            for digit in range(writing.every - 1)
        ]
        self._kinds = [own, *others]
        self._last = 0

    def block(self, log: ContainerLog, start: int, count: int, ns: int) -> Block:
        """Lines a microsecond apart, or less, that end at about `ns`; time never runs back between blocks."""
        writing, kinds, every, clock = self._writing, self._kinds, self._writing.every, log.clock
        now = ns + clock.skew_ns
        first = max(self._last + 1, now - 1000 * count)
        step = max(1, (now - first) // count)
        self._last = last = first + step * (count - 1)
        seconds: dict[int, bytes] = {}
        said = b"ts=%b level=info logger=app " % clock.stamp(ns) if writing.trace else b""
        zone, rows = clock.zone.encode(), []
        for place in range(count):
            at = first + step * place
            if writing.disorder and place % 7 == 6:
                at -= writing.disorder
            second, nanos = divmod(at, 1_000_000_000)
            begins = seconds.get(second) or seconds.setdefault(second, clock.second(second).encode())
            number, which = divmod(start + place, every)
            kind = kinds[which]
            digits = b"%d" % number
            crc = zlib.crc32(digits, kind.seed)
            rows.append(
                b"%b.%09d%b %b%b%b crc=%08x%b\n"
                % (begins, nanos, zone, said, kind.head, digits, crc, kind.tail)
            )
        return Block(b"".join(rows), (first - writing.disorder) / 1e9, last / 1e9)


async def write_numbered(
    log: ContainerLog, writing: Writing, behind: Callable[[ContainerLog], int | None]
) -> None:
    """Returns when all is written, or the log has ended.

    Args:
        behind: by how many bytes the slowest reader is behind; None: nobody reads.
    """
    maker, done, began = LineMaker(writing), 0, time.monotonic()
    while done < writing.count and not log.ended:
        due = _due(writing, done, began)
        if due == 0 or (writing.wait and _too_far(behind(log))):
            await asyncio.sleep(_TICK if due == 0 else 0.001)
            continue
        log.append(maker.block(log, writing.start + done, due, time.time_ns()))
        done += due
        await asyncio.sleep(_TICK if writing.rate else 0)


def _due(writing: Writing, done: int, began: float) -> int:
    left = min(writing.count - done, _MOST_AT_ONCE)
    if not writing.rate:
        return left
    return max(0, min(left, int((time.monotonic() - began) * writing.rate) - done))


def _too_far(behind: int | None) -> bool:
    return behind is None or behind > _MOST_BEHIND
