"""Container logs as a kubelet keeps them: one current file, which is replaced when it has grown.

A reader keeps the file that it has opened, and goes on to the current one at its end: of files that came and
went in between it learns nothing, as from a real kubelet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

ROTATE_BYTES = 10 << 20
"""The kubelet's usual containerLogMaxSize."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines with timestamps, written at once. `first` and `last`: epoch seconds of the extremes."""

    data: bytes
    first: float
    last: float

    def since(self, second: float | None) -> bytes:
        """The lines that are not older."""
        if second is None or self.first >= second:
            return self.data
        if self.last < second:
            return b""
        return b"".join(line for line in lines_of(self.data) if seconds_of(line) >= second)


@dataclass(eq=False, slots=True)
class LogFile:
    blocks: list[Block] = field(default_factory=list)
    size: int = 0


@dataclass(frozen=True, slots=True)
class Clock:
    """A node's: how wrong it goes, and in which zone it writes (`Z`, or such as `+05:30`)."""

    skew_ns: int = 0
    zone: str = "Z"

    def second(self, seconds: int) -> str:
        """A timestamp up to its second."""
        return (datetime.fromtimestamp(seconds, UTC) + self._offset()).strftime("%Y-%m-%dT%H:%M:%S")

    def stamp(self, ns: int) -> bytes:
        seconds, rest = divmod(ns + self.skew_ns, 1_000_000_000)
        return f"{self.second(seconds)}.{rest:09d}{self.zone}".encode()

    def _offset(self) -> timedelta:
        if self.zone == "Z":
            return timedelta()
        offset = timedelta(hours=int(self.zone[1:3]), minutes=int(self.zone[4:6]))
        return -offset if self.zone[0] == "-" else offset


class ContainerLog:
    """The log of one life of a container."""

    def __init__(self, clock: Clock, rotate_bytes: int = ROTATE_BYTES) -> None:
        self.clock = clock
        self.rotate_bytes = rotate_bytes
        self.current = LogFile()
        self.ended = False
        self.rotations = 0
        self._news = asyncio.Event()

    def append(self, block: Block) -> None:
        if self.rotate_bytes and self.current.size + len(block.data) > self.rotate_bytes:
            self.rotate()
        self.current.blocks.append(block)
        self.current.size += len(block.data)
        self.tell()

    def write(self, texts: Sequence[bytes], ns: int) -> None:
        """Lines that all have the time `ns`, since the epoch, plus a nanosecond each."""
        stamped = [b"%b %b\n" % (self.clock.stamp(ns + place), text) for place, text in enumerate(texts)]
        if stamped:
            second = (ns + self.clock.skew_ns) / 1e9
            self.append(Block(b"".join(stamped), second, second))

    def rotate(self) -> None:
        self.current = LogFile()
        self.rotations += 1
        self.tell()

    def end(self) -> None:
        self.ended = True
        self.tell()

    def tell(self) -> None:
        """Wakes who waits for news."""
        self._news.set()
        self._news = asyncio.Event()

    async def news(self, within: float | None) -> None:
        """Returns when something has changed, or after `within` seconds."""
        try:
            async with asyncio.timeout(within):
                await self._news.wait()
        except TimeoutError:
            return


class LogReader:
    """Where one reader stands in a log."""

    def __init__(self, log: ContainerLog, since: float | None, tail: int | None) -> None:
        self._log = log
        self._file = log.current
        self._since = since
        self._index = 0
        self._first = self._tail(tail) if tail is not None else None

    def take(self, most: int) -> list[bytes]:
        """What can be read now, about `most` bytes of it, as it was written."""
        taken: list[bytes] = []
        if self._first:
            taken.append(self._first)
            self._first = None
        size = sum(map(len, taken))
        for data in self._blocks():
            taken.append(data)
            size += len(data)
            if size >= most:
                break
        return taken

    @property
    def behind(self) -> int:
        """Bytes that it has not read of its file, and of the current one where that is another."""
        left = sum(len(block.data) for block in self._file.blocks[self._index :])
        return left + (self._log.current.size if self._file is not self._log.current else 0)

    def _blocks(self) -> Iterator[bytes]:
        while True:
            while self._index < len(self._file.blocks):
                data = self._file.blocks[self._index].since(self._since)
                self._index += 1
                if data:
                    yield data
            if self._file is self._log.current:
                return
            self._file, self._index = self._log.current, 0

    def _tail(self, count: int) -> bytes:
        """The kubelet goes `tailLines` back from the end, and leaves out by time from there."""
        lines: list[bytes] = []
        for block in reversed(self._file.blocks):
            if len(lines) >= count:
                break
            lines[:0] = lines_of(block.data)
        self._index = len(self._file.blocks)
        kept = lines[len(lines) - min(count, len(lines)) :]
        return b"".join(line for line in kept if self._since is None or seconds_of(line) >= self._since)


def lines_of(data: bytes) -> list[bytes]:
    """Whole lines with their ends. Carriage returns end none."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]


def seconds_of(line: bytes) -> float:
    """The time before a line, in seconds since the epoch."""
    return datetime.fromisoformat(line.split(b" ", 1)[0].decode()).timestamp()
