"""How far a log has been read, so that reading it again goes on exactly there. Pure.

A log can be asked for by whole seconds only (the API server cuts `sinceTime` down to them), two streams
of one container are written with timestamps slightly out of order, and clocks are set back. So a
position is not a time but a line: its timestamp, its checksum, and how many such lines in a row there
were. Reading again starts at the second before, and passes over everything up to that line.
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
    """Everything up to the `count`th line in a row with this timestamp and checksum has been read."""

    stamp: bytes
    mark: int
    count: int = 1

    @property
    def since(self) -> int:
        """Where to read again from, in whole seconds since the epoch."""
        return max(0, nanos_of(self.stamp) // 1_000_000_000 - 1)


class Resume(Generic[T]):
    """Passes over what was read before: `take` everything that comes, and get what is new.

    When the position's line is not where it should be (the log was rotated meanwhile), what is newer is
    handed on, and `proven` is False: nobody knows what was lost.
    """

    def __init__(
        self, position: Position, stamp: Callable[[T], bytes | None], mark: Callable[[T], int]
    ) -> None:
        self._position = position
        self._stamp = stamp
        self._mark = mark
        self._give_up_at = stamp_of_nanos(nanos_of(position.stamp) + DISORDER)
        self._seen = 0
        self._held: list[T] = []
        self.over = False
        self.proven = False

    def take(self, items: Sequence[T]) -> list[T]:
        if self.over:
            return list(items)
        position = self._position
        for number, item in enumerate(items):
            stamp = self._stamp(item) or position.stamp
            if stamp == position.stamp and self._mark(item) == position.mark:
                self._seen += 1
                if self._seen == position.count:
                    self.over = self.proven = True
                    self._held = []
                    return list(items[number + 1 :])
            elif stamp > position.stamp:
                self._held.append(item)
                if stamp > self._give_up_at:
                    return [*self.give_up(), *items[number + 1 :]]
        return []

    def give_up(self) -> list[T]:
        """The line will not come any more: what was held back for it."""
        self.over = True
        held, self._held = self._held, []
        return held


class Until(Generic[T]):
    """Ends at a position: `take` everything that comes, and get what lies before its end."""

    def __init__(
        self, position: Position, stamp: Callable[[T], bytes | None], mark: Callable[[T], int]
    ) -> None:
        self._position = position
        self._stamp = stamp
        self._mark = mark
        self._give_up_at = stamp_of_nanos(nanos_of(position.stamp) + DISORDER)
        self._seen = 0
        self.over = False

    def take(self, items: Sequence[T]) -> list[T]:
        if self.over:
            return []
        position = self._position
        for number, item in enumerate(items):
            stamp = self._stamp(item) or position.stamp
            if stamp == position.stamp and self._mark(item) == position.mark:
                self._seen += 1
                if self._seen == position.count:
                    self.over = True
                    return list(items[: number + 1])
            elif stamp > self._give_up_at:
                self.over = True
                return [each for each in items[:number] if (self._stamp(each) or b"") <= position.stamp]
        return list(items)


def stamp_of_line(line: bytes) -> bytes | None:
    return split_stamp(line)[0]


def resume_lines(position: Position) -> Resume[bytes]:
    """For raw lines, without their ends."""
    return Resume(position, stamp_of_line, crc32)


def resume_records(position: Position) -> Resume[Record]:
    return Resume(position, _stamp, _mark)


def until_line(position: Position) -> Until[bytes]:
    return Until(position, stamp_of_line, crc32)


def position_after(block: bytes, before: Position | None) -> Position | None:
    """The position after a block of whole raw lines. Looks at no more than its end."""
    end = len(block) - 1
    start = block.rfind(b"\n", 0, end) + 1
    line = block[start:end]
    stamp = stamp_of_line(line)
    if stamp is None:
        return before  # not a line of the log: the kubelet writes its own troubles between them
    count = 1
    while start and block.endswith(line + b"\n", 0, start):
        start -= len(line) + 1
        if start and block[start - 1] != 10:
            break
        count += 1
    mark = crc32(line)
    if start <= 0 and before is not None and (before.stamp, before.mark) == (stamp, mark):
        count += before.count
    return Position(stamp, mark, count)


def _stamp(record: Record) -> bytes:
    return record.stamp


def _mark(record: Record) -> int:
    return record.mark
