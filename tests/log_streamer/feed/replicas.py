"""Replicas of a trace's feed, and viewers who are cut off and go on at another one. No network, no clock.

A replica merges the same logs in an order of its own, remembers as much as it likes, and reads from the
logs what it has let go of, as `feed.viewer` does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from log_streamer.feed.cursor import Cursor, digest_of
from log_streamer.feed.filters import Filter
from log_streamer.feed.frames import LogFrame, NoticeFrame
from log_streamer.feed.history import FeedEntry, Floor, History
from log_streamer.feed.notices import Notice
from log_streamer.feed.place import Place
from log_streamer.lines.positions import Position, resume_lines, until_line
from log_streamer.lines.records import Record
from log_streamer.model import Container
from tests.log_streamer.feed.logs import LogMaker, pieces, read_again
from tests.log_streamer.lines.making import container, records

Logs = Mapping[str, Sequence[bytes]]
Frames = Iterator[LogFrame | NoticeFrame]


def container_of(key: str) -> Container:
    return container(key)


def state() -> Notice:
    return Notice("state", {"kind": "node", "name": "n", "phase": "Running", "message": ""}, b"")


class Replica:
    """Args:
    memory: records that it remembers.
    """

    def __init__(self, rng: random.Random, logs: Logs, memory: int) -> None:
        self._rng = rng
        self._logs = logs
        self._rest = {key: records(container_of(key), log)[::-1] for key, log in logs.items()}
        self.history = History(memory, 10**9)

    @property
    def over(self) -> bool:
        return not self._rest

    def hand_on(self, batches: int) -> None:
        """As so many ticks go by: logs come further, in whatever order, and end."""
        for _ in range(batches):
            entries: list[FeedEntry] = [state()] if self._rng.random() < 0.1 else []
            for _ in range(self._rng.choice((1, 1, 2, 5))):
                left = [key for key, rest in self._rest.items() if rest]
                entries += [self._rest[self._rng.choice(left)].pop()] if left else []
            ended = [key for key, rest in self._rest.items() if not rest and self._rng.random() < 0.5]
            for key in ended:
                del self._rest[key]
            self.history.append(entries, frozenset(map(digest_of, ended)))

    def finish(self) -> None:
        while not self.over:
            self.hand_on(1)

    def watched(self, place: Place) -> Frames:
        """What a viewer gets of all that was handed on so far, or as much as it may."""
        for frame in self._past(place):
            yield frame
            if place.full:
                return
        place.enter(self.history.floor)
        for batch in self.history.read(self.history.first):
            yield from place.frames(batch.entries, batch.positions, batch.done)
        if self.over:
            yield from place.flush()

    def _past(self, place: Place) -> Frames:
        floor = Floor(dict(self.history.floor.positions), set(self.history.floor.done))
        if not (missing := place.missing(floor)):
            return
        parts = [self._read(key, place, missing) for key in self._logs if digest_of(key) in missing]
        while parts:
            part = self._rng.choice(parts)
            entries = next(part, None)
            if entries is None:
                parts.remove(part)
            else:
                yield from place.frames(entries, None, frozenset())
        place.leave_past(floor)

    def _read(
        self, key: str, place: Place, missing: Mapping[bytes, Position | None]
    ) -> Iterator[list[Record]]:
        after, end = place.cursor.positions.get(digest_of(key)), missing[digest_of(key)]
        lines = read_again(self._logs[key], after.since if after else None)
        until, resume = until_line(end) if end else None, resume_lines(after) if after else None
        for piece in pieces(self._rng, lines):
            taken = until.take(piece) if until else piece
            taken = resume.take(taken) if resume else taken
            if taken:
                yield records(container_of(key), taken)


@dataclass
class Seen:
    """What a person has on the screen after any number of connections."""

    texts: dict[str, list[bytes]] = field(default_factory=dict)
    """By container, the raw identity of each line: timestamp and checksum."""
    seq: int = 0
    gaps: int = 0
    cursor: str = ""

    def take(self, frame: LogFrame | NoticeFrame) -> None:
        if isinstance(frame, NoticeFrame):
            self.gaps += frame.notice.event == "gap"
        else:
            assert frame.seq == self.seq + 1, "a hole in seq"
            assert frame.records, "a frame without records"
            self.seq += len(frame.records)
            for record in frame.records:
                self.texts.setdefault(record.container.key, []).append(identity(record))
        self.cursor = frame.cursor

    def place(self, *, wanted: Filter | None = None, room: int = 10**9, frame: int = 1000) -> Place:
        cursor = Cursor.decode(self.cursor) if self.cursor else Cursor()
        return Place(cursor, wanted or Filter(), room, frame=frame)


def identity(record: Record) -> bytes:
    return record.stamp + b"%d" % record.mark


def all_of(logs: Logs) -> dict[str, list[bytes]]:
    """What must be seen in the end."""
    made = {key: records(container_of(key), log) for key, log in logs.items()}
    return {key: [identity(record) for record in of] for key, of in made.items() if of}


def logs_of(rng: random.Random, make: LogMaker) -> Logs:
    """A few logs, some of them empty."""
    return {f"log-{n}": make(rng, rng.choice((0, 1, 5, 12))) for n in range(rng.randint(1, 4))}
