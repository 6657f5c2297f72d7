"""What a feed has handed on, as far back as memory allows: all its viewers read from this one list.

A viewer is a place in it. One that reads too slowly falls out at the old end, and then knows exactly
how many lines it lost; nobody keeps a queue per viewer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from log_streamer.feed.notices import Notice
from log_streamer.feed.tracker import Tracker
from log_streamer.lines.positions import Position
from log_streamer.lines.records import Record

OVERHEAD = 400
"""Bytes of a record in memory beside its text and JSON; of a notice, and of a batch, about as many."""

FeedEntry = Record | Notice


@dataclass(frozen=True, slots=True)
class Batch:
    """What was handed on at one tick.

    Args:
        number: counts from 0.
        lines_before: records that the feed handed on before it.
        positions: where the logs that it has lines of stand after it, by container digest.
        done: containers whose logs are over with it.
    """

    number: int
    entries: Sequence[FeedEntry]
    lines_before: int
    lines: int
    size: int
    positions: dict[bytes, Position]
    done: frozenset[bytes]


@dataclass(slots=True)
class Floor:
    """Up to where the batches that memory let go of went: what is older must be read from the logs."""

    positions: dict[bytes, Position] = field(default_factory=dict)
    done: set[bytes] = field(default_factory=set)


class History:
    """Args:
    lines: records kept at least, while `size` allows.
    size: bytes kept at most, roughly.
    """

    def __init__(self, lines: int, size: int) -> None:
        self._lines = lines
        self._size = size
        self._batches: deque[Batch] = deque()
        self._tracker = Tracker({})
        self._kept_lines = self._kept_size = 0
        self.floor = Floor()
        self.lines = 0
        self.end = 0

    @property
    def first(self) -> int:
        """The number of the oldest batch that is kept."""
        return self.end - len(self._batches)

    def append(self, entries: Sequence[FeedEntry], done: frozenset[bytes] = frozenset()) -> None:
        records = [entry for entry in entries if isinstance(entry, Record)]
        positions = self._tracker.advance(records)
        size = sum(2 * len(record.text) for record in records) + OVERHEAD * (1 + len(entries))
        batch = Batch(self.end, entries, self.lines, len(records), size, positions, done)
        self._batches.append(batch)
        self.end += 1
        self.lines += len(records)
        self._kept_lines += len(records)
        self._kept_size += size
        while len(self._batches) > 1 and (self._kept_lines > self._lines or self._kept_size > self._size):
            self._evict()

    def batch(self, number: int) -> Batch:
        """One that is kept."""
        return self._batches[number - self.first]

    def read(self, number: int) -> list[Batch]:
        """All batches from `number` on that are still there, oldest first."""
        newest = takewhile(lambda batch: batch.number >= number, reversed(self._batches))
        return list(newest)[::-1]

    @property
    def first_stamp(self) -> bytes | None:
        """The timestamp of the oldest record that is kept."""
        entries = (entry for batch in self._batches for entry in batch.entries)
        return next((entry.stamp for entry in entries if isinstance(entry, Record)), None)

    def lines_before(self, number: int) -> int:
        """How many records were handed on before a batch."""
        return self.lines if number >= self.end else self._batches[number - self.first].lines_before

    def _evict(self) -> None:
        batch = self._batches.popleft()
        self._kept_lines -= batch.lines
        self._kept_size -= batch.size
        self.floor.positions |= batch.positions
        for digest in batch.done:
            self.floor.positions.pop(digest, None)
            self.floor.done.add(digest)
