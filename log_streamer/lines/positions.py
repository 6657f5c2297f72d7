"""How far a log has been read, so that reading it again goes on exactly there. Pure.

A log can be asked for by whole seconds only (the API server cuts `sinceTime` down to them), two streams
of one container are written with timestamps slightly out of order, and clocks are set back. So a
position is not a time but a line: its timestamp, its checksum, and its number among the lines in a row
with this timestamp. Reading again starts at the second before, and passes over everything up to that line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from zlib import crc32

from log_streamer.lines.records import Record
from log_streamer.lines.stamps import nanos_of, split_stamp, stamp_of_nanos

DISORDER = 1_000_000_000
"""Nanoseconds by which a line may be older than one that was written before it. Runtimes stamp the two
streams of a container in two threads, which lie microseconds apart."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Position:
    """Everything up to a line has been read: the `count`th in a row with this timestamp, whose checksum is
    `mark`. Files give many lines one timestamp, and such lines may be alike: a traceback's are."""

    stamp: bytes
    mark: int
    count: int = 1

    @property
    def since(self) -> int:
        """Where to read again from, in whole seconds since the epoch."""
        return max(0, nanos_of(self.stamp) // 1_000_000_000 - 1)

    def is_before(self, other: Position) -> bool:
        """As far as timestamps tell."""
        return (self.stamp, self.count) < (other.stamp, other.count)

    def is_near(self, other: Position) -> bool:
        """Whether timestamps do not tell which of the two comes first in the log."""
        apart = abs(nanos_of(self.stamp) - nanos_of(other.stamp))
        return self.stamp != other.stamp and apart <= DISORDER


class _Search(Generic[T]):
    """Looks for a position's line; `stamp` is that of the last one looked at.

    Lines without a timestamp are not counted: the kubelet writes them into the stream, not into the log.

    Args:
        start: where the items begin, if that may be within a row of lines with one timestamp.
    """

    def __init__(
        self,
        position: Position,
        stamp: Callable[[T], bytes | None],
        mark: Callable[[T], int],
        start: Position | None = None,
    ) -> None:
        self.position = position
        self.stamp = start.stamp if start else b""
        self._stamp = stamp
        self._mark = mark
        self._count = start.count if start else 0
        self._give_up_at = stamp_of_nanos(nanos_of(position.stamp) + DISORDER)

    def finds(self, item: T) -> bool:
        position, stamp = self.position, self._stamp(item)
        if stamp is not None:
            self._count = self._count + 1 if stamp == self.stamp else 1
            self.stamp = stamp
            if self._count != position.count:
                return False
        return self.stamp == position.stamp and self._mark(item) == position.mark

    @property
    def newer(self) -> bool:
        return self.stamp > self.position.stamp

    @property
    def hopeless(self) -> bool:
        return self.stamp > self._give_up_at


class Resume(Generic[T]):
    """Passes over what was read before: `take` everything that comes, and get what is new.

    When the position's line is not where it should be (the log was rotated meanwhile), what is newer is
    handed on, and `proven` is False: nobody knows what was lost. `last` is the last item passed over.
    """

    def __init__(
        self,
        position: Position,
        stamp: Callable[[T], bytes | None],
        mark: Callable[[T], int],
        start: Position | None = None,
    ) -> None:
        self._search = _Search(position, stamp, mark, start)
        self._held: list[T] = []
        self.last: T | None = None
        self.over = False
        self.proven = False

    def take(self, items: Sequence[T]) -> list[T]:
        if self.over:
            return list(items)
        search = self._search
        for number, item in enumerate(items):
            if search.finds(item):
                self.over = self.proven = True
                self._held = []
                return list(items[number + 1 :])
            if search.newer:
                self._held.append(item)
                if search.hopeless:
                    return [*self.give_up(), *items[number + 1 :]]
            else:
                self.last = item
        return []

    @property
    def holds(self) -> bool:
        """Whether something newer has come already, without the line."""
        return bool(self._held)

    def give_up(self) -> list[T]:
        """The line will not come any more: what was held back for it."""
        self.over = True
        held, self._held = self._held, []
        return held


class Until(Generic[T]):
    """Ends at a position: `take` everything that comes, and get what lies before its end.

    When its line is not there, `proven` stays False, and nothing newer than it is handed on.
    """

    def __init__(
        self, position: Position, stamp: Callable[[T], bytes | None], mark: Callable[[T], int]
    ) -> None:
        self._search = _Search(position, stamp, mark)
        self._held: list[tuple[bool, T]] = []
        """From the first on that is newer than the position: whether it is newer, and the item."""
        self.over = False
        self.proven = False

    def take(self, items: Sequence[T]) -> list[T]:
        before: list[T] = []
        for item in items if not self.over else ():
            self.over = self.proven = self._search.finds(item)
            newer = self._search.newer
            if newer or self._held:
                self._held.append((newer, item))
            else:
                before.append(item)
            if self.over:
                return [*before, *(each for _, each in self._held)]
            if self._search.hopeless:
                return [*before, *self.give_up()]
        return before

    def give_up(self) -> list[T]:
        """The line will not come any more: what was held back and is no newer."""
        self.over = True
        held, self._held = self._held, []
        return [each for newer, each in held if not newer]


def stamp_of_line(line: bytes) -> bytes | None:
    return split_stamp(line)[0]


def resume_lines(position: Position) -> Resume[bytes]:
    """For raw lines, without their ends."""
    return Resume(position, stamp_of_line, crc32)


def resume_records(position: Position, start: Position | None = None) -> Resume[Record]:
    """`start`: the position that the records begin after."""
    return Resume(position, _stamp, _mark, start)


def until_line(position: Position) -> Until[bytes]:
    return Until(position, stamp_of_line, crc32)


def position_after(block: bytes, before: Position | None) -> Position | None:
    """The position after a block of whole raw lines. Looks at no more than its end."""
    stamp, mark, count = b"", 0, 0
    end = len(block) - 1
    while end >= 0:
        start = block.rfind(b"\n", 0, end) + 1
        line = block[start:end]
        end = start - 1
        found = stamp_of_line(line)
        if found is None:
            continue  # not a line of the log: the kubelet writes its own troubles between them
        if not count:
            stamp, mark = found, crc32(line)
        elif found != stamp:
            return Position(stamp, mark, count)
        count += 1
    if before is not None and (not count or before.stamp == stamp):
        return Position(stamp, mark, count + before.count) if count else before
    return Position(stamp, mark, count) if count else None


def _stamp(record: Record) -> bytes:
    return record.stamp


def _mark(record: Record) -> int:
    return record.mark
