"""Where one viewer is in its feed: what it has got, and what of a batch is new to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from log_streamer.feed.cursor import Cursor, digest_of
from log_streamer.feed.filters import Filter
from log_streamer.feed.frames import LogFrame, NoticeFrame
from log_streamer.feed.history import FeedEntry, Floor
from log_streamer.feed.notices import Notice, gap_notice
from log_streamer.feed.tracker import Tracker
from log_streamer.lines.positions import Position, Resume, resume_records
from log_streamer.lines.records import Record
from log_streamer.lines.stamps import ZERO, nanos_of
from log_streamer.model import Reason

FRAME_RECORDS = 1000
"""Records of one frame at most: a frame is made, and sent, in one piece."""


class Place:
    """Args:
    cursor: where the viewer begins; moved on with every frame.
    room: records that the viewer gets at most.
    frame: records of one frame at most.
    """

    def __init__(self, cursor: Cursor, wanted: Filter, room: int, *, frame: int = FRAME_RECORDS) -> None:
        self.cursor = cursor
        self._frame_records = frame
        self.room = room
        self.sent = 0
        self.drop = 0
        """Records at the beginning that a `tail` leaves out."""
        self.last_stamp: bytes | None = None
        self._high = ZERO
        self._wanted = wanted
        self._skips: dict[bytes, Resume[Record]] = {}
        self._over: set[bytes] = set()
        """Logs that the viewer has got whole, of which memory still holds lines, or will again."""
        self._tried: dict[bytes, Position] = {}
        """Ends of the past that the viewer may be ahead of."""
        self._begun: dict[bytes, Position] = {}
        """Where the viewer was in each log when it entered: gaps that lie before were told before."""

    @property
    def full(self) -> bool:
        return self.sent >= self.room

    @property
    def resuming(self) -> bool:
        """Whether it still passes over what the viewer has got."""
        return bool(self._skips)

    def covered_by(self, floor: Floor) -> bool:
        """Whether everything that the viewer still needs is younger than what memory let go of."""
        return not self.missing(floor)

    def missing(self, floor: Floor) -> dict[bytes, Position | None]:
        """Logs of which the viewer needs, or may need, something that memory let go of, with where to read
        up to."""
        cursor = self.cursor
        logs: dict[bytes, Position | None] = dict.fromkeys(floor.done - cursor.done)
        for digest, end in floor.positions.items():
            own = cursor.positions.get(digest)
            if digest in cursor.done or own == end or self._tried.get(digest) == end:
                continue
            if own.is_before(end) or own.is_near(end) if own else nanos_of(end.stamp) >= cursor.since:
                logs[digest] = end
        return logs

    def enter(self, floor: Floor) -> None:
        """The viewer reads on from memory: passes over what it has got already."""
        self._skips = {
            digest: resume_records(position, floor.positions.get(digest))
            for digest, position in self.cursor.positions.items()
            if position != floor.positions.get(digest)
        }
        self._over = self.cursor.done - floor.done
        self._begun = dict(self.cursor.positions)
        self._high = max((each.stamp for each in self.cursor.positions.values()), default=ZERO)

    def leave_past(self, floor: Floor) -> None:
        """All that memory had let go of has been read from the logs. Where the viewer had got more of a log
        than that (of another replica, which merged in another order), it stays there."""
        for digest, end in self.missing(floor).items():
            own = self.cursor.positions.get(digest)
            if end is None:
                self.cursor.move({}, (digest,))
            elif own is not None and own.is_near(end):
                self._tried[digest] = end  # it is ahead, or what it lacks could not be read
            else:
                self.cursor.move({digest: end})

    def fall_out(self, floor: Floor) -> None:
        """Memory let go of things that the viewer had yet to read: it goes on behind them, but in logs of
        which it has got more (of another replica)."""
        for digest, end in floor.positions.items():
            own = self.cursor.positions.get(digest)
            if digest not in self._skips or own is None or own.is_before(end):
                self._skips.pop(digest, None)
                self.cursor.move({digest: end})
        for digest in floor.done:
            self._skips.pop(digest, None)
        self.cursor.move({}, floor.done)

    def frames(
        self, entries: Sequence[FeedEntry], moved: dict[bytes, Position] | None, done: frozenset[bytes]
    ) -> Iterator[LogFrame | NoticeFrame]:
        """What the viewer gets of `entries`. `moved`: positions after all of them, where they are known."""
        if self._skips or self._over:
            entries, moved = self._unseen(entries), None
            self._over -= done
        if moved is not None and len(entries) <= min(self._frame_records, self.room - self.sent):
            yield from self._whole(entries, moved)
        else:
            yield from self._pieces(entries)
        if not self.full:
            self.cursor.move({}, done)

    def flush(self) -> Iterator[LogFrame | NoticeFrame]:
        """What was held back because its log might still bring the line that was seen last."""
        skips, self._skips = self._skips, {}
        for skip in skips.values():
            yield from self._pieces(_unproven(skip.last, skip.give_up()))

    def _whole(
        self, entries: Sequence[FeedEntry], moved: dict[bytes, Position]
    ) -> Iterator[LogFrame | NoticeFrame]:
        notices = [entry for entry in entries if isinstance(entry, Notice)]
        if notices:
            yield from self._pieces(entries)
            return
        self.cursor.move(moved)
        yield from self._frame(self._wanted.select([each for each in entries if isinstance(each, Record)]))

    def _pieces(self, entries: Sequence[FeedEntry]) -> Iterator[LogFrame | NoticeFrame]:
        for is_notice, run in groupby(entries, lambda entry: isinstance(entry, Notice)):
            pending = list(run)
            if is_notice:
                for notice in pending:
                    assert isinstance(notice, Notice)
                    yield NoticeFrame(notice, self.cursor.encode())
                continue
            records = [entry for entry in pending if isinstance(entry, Record)]
            for at in range(0, len(records), self._frame_records):
                if self.full:
                    return
                yield from self._cut(records[at : at + self._frame_records])

    def _cut(self, records: list[Record]) -> Iterator[LogFrame]:
        """A frame of `records`, or of those up to the viewer's last one."""
        room = self.room - self.sent + self.drop
        wanted = self._wanted.select(records)
        if len(wanted) >= room:
            wanted = wanted[:room]
            records = records[: records.index(wanted[-1]) + 1]
        self.cursor.move(Tracker(self.cursor.positions).advance(records))
        yield from self._frame(wanted)

    def _frame(self, wanted: list[Record]) -> Iterator[LogFrame]:
        if self.drop:
            dropped = min(self.drop, len(wanted))
            self.drop -= dropped
            wanted = wanted[dropped:]
        if not wanted:
            return
        first = self.cursor.seq + 1
        self.cursor.seq += len(wanted)
        self.sent += len(wanted)
        self.last_stamp = wanted[-1].stamp
        late = self._late(wanted)
        yield LogFrame(wanted, first, self.cursor.encode(), late)

    def _late(self, records: Sequence[Record]) -> frozenset[int]:
        """Records older than what the viewer got before it entered; none once that has been passed."""
        if self._high == ZERO:
            return frozenset()
        high = self._high
        if any(record.stamp >= high for record in records):
            self._high = ZERO  # what is older than that from now on, the feed itself marks
        return frozenset(n for n, each in enumerate(records) if each.stamp < high and not each.late)

    def _unseen(self, entries: Sequence[FeedEntry]) -> list[FeedEntry]:
        unseen: list[FeedEntry] = []
        for entry in entries:
            if isinstance(entry, Notice):
                if entry.event != "gap" or not self._was_told(entry):
                    unseen.append(entry)
                continue
            digest = digest_of(entry.container.key)
            if digest in self._skips:
                unseen += self._passed(digest, entry)
            elif digest not in self._over:
                unseen.append(entry)
        return unseen

    def _was_told(self, gap: Notice) -> bool:
        """Of a log: whether the viewer got lines of it from after the gap. In doubt it is told again."""
        if gap.container is None:
            newest = max((each.stamp for each in self._begun.values()), default=ZERO)
            return ZERO < gap.key <= newest
        digest = digest_of(gap.container.key)
        begun = self._begun.get(digest)
        return digest in self._over or (begun is not None and ZERO < gap.key < begun.stamp)

    def _passed(self, digest: bytes, record: Record) -> list[FeedEntry]:
        skip = self._skips[digest]
        new = skip.take([record])
        if skip.over:
            del self._skips[digest]
        return list(new) if skip.proven or not skip.over else _unproven(skip.last, new)

    def pass_by(self, entries: Sequence[FeedEntry]) -> list[Record]:
        """Moves on over `entries` without a frame; returns the records that the viewer wants of them."""
        records = [entry for entry in entries if isinstance(entry, Record)]
        self.cursor.move(Tracker(self.cursor.positions).advance(records))
        return self._wanted.select(records)

    def emit(self, records: Sequence[Record]) -> Iterator[LogFrame]:
        """Frames of records that were passed by."""
        for at in range(0, len(records), self._frame_records):
            yield from self._frame(list(records[at : at + self._frame_records]))

    def tail(self, entries: Sequence[FeedEntry], count: int) -> None:
        """Leave out all but the last `count` of the records that the viewer wants of `entries`."""
        wanted = self._wanted.select([each for each in entries if isinstance(each, Record)])
        self.drop = max(0, len(wanted) - count)


def _unproven(passed: Record | None, new: Sequence[Record]) -> list[FeedEntry]:
    """New records of one log, after a gap: the line before them was looked for in vain.

    `passed`: a record that was taken for an old one meanwhile, and may have been new.
    """
    first = new[0] if new else passed
    if first is None:
        return []
    detail = "The log no longer holds the line that was delivered last: lines may be missing."
    until = new[0].stamp if new else None
    return [gap_notice(Reason.ROTATED, detail, container=first.container, until=until), *new]
