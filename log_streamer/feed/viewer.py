"""One viewer's stream of a feed: its past, what happens, and its end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain

from log_streamer.feed.backlog import Part, backlog
from log_streamer.feed.cursor import digest_of
from log_streamer.feed.feed import Feed
from log_streamer.feed.frames import EndFrame, EndReason, Frame, Heartbeat, NoticeFrame
from log_streamer.feed.history import FeedEntry, Floor
from log_streamer.feed.notices import gap_notice
from log_streamer.feed.place import Place
from log_streamer.hub.reading import Stretch
from log_streamer.lines.positions import Position
from log_streamer.lines.records import Record
from log_streamer.model import Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one stream; times are seconds. The names are those of the settings that its end tells of.

    Args:
        heartbeat: between two signs of life on a quiet stream.
        recheck: between two looks at whether the viewer may still watch.
        slow: for how long a viewer may lose lines because it reads too slowly.
    """

    lines: int
    timeout: float
    heartbeat: float = 15.0
    recheck: float = 60.0
    slow: float = 30.0
    lines_name: str = "CROSSOVER_LOG_STREAMER_MAX_LINES"
    timeout_name: str = "CROSSOVER_LOG_STREAMER_TIMEOUT"


class Viewer:
    """Args:
    may_watch: asked again and again; False ends the stream.
    closing: whether this replica shuts down.
    tail: records of the past that are wanted at most, or None for all.
    """

    def __init__(
        self,
        feed: Feed,
        place: Place,
        limits: Limits,
        *,
        tail: int | None,
        may_watch: Callable[[], Awaitable[bool]],
        closing: Callable[[], bool],
    ) -> None:
        self._feed = feed
        self._place = place
        self._limits = limits
        self._tail = tail
        self._may_watch = may_watch
        self._closing = closing
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._deadline = now + limits.timeout
        self._beat = now
        self._checked = now
        self._number = 0
        self._lines_seen = 0
        self._losing_since: float | None = None
        self._came_with = set(place.cursor.positions)
        """Logs that it had read of before it came here."""
        self._look_for_them_at = now + feed.settings.look

    @property
    def sent(self) -> int:
        return self._place.sent

    async def follow(self) -> AsyncGenerator[Frame, None]:
        """What was, then what happens, until the end frame."""
        progress = self._progress
        if self._tail is not None:
            await self._settled()
            self._place.leave_past(self._feed.history.floor)  # nobody wants what memory has let go of
        self._feed.readers.add(progress)
        try:
            async with aclosing(self._past()) as frames:
                async for frame in frames:
                    yield frame
            self._enter()
            async with aclosing(self._live()) as frames:
                async for frame in frames:
                    yield frame
        finally:
            self._feed.readers.discard(progress)

    async def download(self) -> AsyncGenerator[Frame, None]:
        """What there is now, read from the logs as fast as it is taken; then the end frame."""
        wanted = dict.fromkeys((digest_of(key) for key in self._feed.found), None)
        wanted = {digest: end for digest, end in wanted.items() if digest not in self._place.cursor.done}
        last = self._all_of(wanted) if self._tail is None else self._last_of(wanted, self._tail)
        async with aclosing(last) as frames:
            async for frame in frames:
                yield frame
                if await self._ending() is not None:
                    break
        self._feed.hand_on()
        for batch in self._feed.history.read(0):  # a feed without viewers holds nothing but states
            for frame in self._place.frames(batch.entries, None, frozenset()):
                yield frame
        phase = self._feed.phase
        yield await self._ending() or self._end(EndReason.COMPLETE, "This is all there is now.", phase=phase)

    # The past that memory let go of

    async def _past(self) -> AsyncGenerator[Frame, None]:
        """From the logs, until memory has the rest; which may go on losing its oldest meanwhile."""
        while self._tail is None and (missing := self._place.missing(self._feed.history.floor)):
            floor = self._feed.history.floor
            floor = Floor(dict(floor.positions), set(floor.done))
            async with aclosing(self._all_of(missing)) as frames:
                async for frame in frames:
                    yield frame
                    if await self._ending() is not None:
                        return
            self._place.leave_past(floor)

    async def _all_of(self, logs: dict[bytes, Position | None]) -> AsyncGenerator[Frame, None]:
        async with aclosing(self._read(logs)) as batches:
            async for entries in batches:
                for frame in self._place.frames(entries, None, frozenset()):
                    yield frame

    async def _last_of(self, logs: dict[bytes, Position | None], count: int) -> AsyncGenerator[Frame, None]:
        kept: deque[Record] = deque(maxlen=min(count, self._limits.lines))
        async with aclosing(self._read(logs)) as batches:
            async for entries in batches:
                kept.extend(self._place.pass_by(entries))
        for frame in self._place.emit(list(kept)):
            yield frame

    def _read(self, logs: dict[bytes, Position | None]) -> AsyncGenerator[list[FeedEntry], None]:
        parts = [
            Part(
                Stretch(
                    found.container,
                    found.source,
                    self._feed.scope.trace_id.encode(),
                    after=self._place.cursor.positions.get(digest_of(key)),
                    since=self._place.cursor.since // 1_000_000_000 or None,
                    until=logs[digest_of(key)],
                ),
                self._feed.lines_of(found.container),
            )
            for key, found in self._feed.found.items()
            if digest_of(key) in logs
        ]
        return backlog(parts, self._feed.scope.tenant.name)

    # What happens

    def _enter(self) -> None:
        history = self._feed.history
        self._place.enter(history.floor)
        self._number = history.first
        self._lines_seen = history.lines_before(self._number)
        if self._tail is not None:
            kept = history.read(self._number)
            self._place.tail([entry for batch in kept for entry in batch.entries], self._tail)

    async def _settled(self) -> None:
        """A tail can be counted only once the logs have brought their past: that is waited for while it
        comes, or might begin to."""
        feed, began = self._feed, self._loop.time()
        until, taken = began + feed.settings.look, feed.taken
        while not feed.settled and await self._ending() is None:
            if feed.taken != taken:
                until, taken = self._loop.time() + feed.settings.look, feed.taken
            if self._loop.time() >= min(until, began + feed.settings.past):
                return
            await feed.news()

    async def _live(self) -> AsyncGenerator[Frame, None]:
        while (end := await self._ending()) is None:
            if self._number < self._feed.history.first and self._place.resuming:
                async with aclosing(self._past()) as frames:  # it was not too slow: it had yet to arrive
                    async for past in frames:
                        yield past
                self._enter()
                continue
            for frame in chain(self._vanished(), self._new()):
                self._beat = self._loop.time()
                yield frame
            if self._place.full:
                continue
            if self._number < self._feed.history.end:
                continue
            if self._feed.over is not None:
                for frame in self._place.flush():
                    yield frame
                phase = self._feed.over.phase
                yield self._end(EndReason.COMPLETE, "The workflow and its runs are over.", phase=phase)
                return
            if self._loop.time() >= self._beat + self._limits.heartbeat:
                self._beat = self._loop.time()
                yield Heartbeat()
            await self._feed.news()
        yield end

    def _vanished(self) -> Iterator[Frame]:
        """Tells, once the feed has had time to find them, of logs that are there no more. Some that were
        read to their end may be among them: nobody can tell that any more."""
        feed = self._feed
        if not self._came_with or (self._loop.time() < self._look_for_them_at and feed.over is None):
            return
        gone = self._came_with - {digest_of(key) for key in feed.found} - self._place.cursor.done
        since = min((self._place.cursor.positions[digest].stamp for digest in gone), default=None)
        self._came_with = set()
        if since is not None:
            detail = f"{len(gone)} logs that were read before are there no more: last lines may be missing."
            yield NoticeFrame(gap_notice(Reason.GONE, detail, since=since), self._place.cursor.encode())

    def _new(self) -> Iterator[Frame]:
        """The next batch. Memory may let go of more of them with each frame that a slow viewer takes."""
        history = self._feed.history
        if self._number < history.first:
            yield self._lost()
        elif self._number < history.end:
            batch = history.batch(self._number)
            yield from self._place.frames(batch.entries, batch.positions, batch.done)
            self._number = batch.number + 1
            self._lines_seen = batch.lines_before + batch.lines
            if self._number == history.end:
                self._losing_since = None

    def _lost(self) -> NoticeFrame:
        """The viewer fell out of memory's old end. How much it lost is known to the line."""
        history = self._feed.history
        number = history.lines_before(history.first) - self._lines_seen
        self._losing_since = self._losing_since or self._loop.time()
        self._number = history.first
        self._lines_seen += number
        self._place.fall_out(history.floor)
        notice = gap_notice(
            Reason.TOO_SLOW,
            f"The viewer reads too slowly: {number} lines of the trace were left out for it.",
            since=self._place.last_stamp,
            until=history.first_stamp,
            lost=number,
        )
        return NoticeFrame(notice, self._place.cursor.encode())

    def _progress(self) -> int:
        return self._lines_seen

    # The end

    async def _ending(self) -> EndFrame | None:
        now, limits = self._loop.time(), self._limits
        if self._place.full:
            return self._end(
                EndReason.LINE_CAP,
                f"{self._place.room} lines are the most of one stream; go on with the cursor.",
                limit=limits.lines_name,
            )
        if now >= self._deadline:
            return self._end(
                EndReason.TIMEOUT,
                f"{limits.timeout:g} seconds are the most of one stream; go on with the cursor.",
                limit=limits.timeout_name,
            )
        if self._closing():
            return self._end(EndReason.SHUTDOWN, "This replica shuts down; go on with the cursor.")
        if self._losing_since is not None and now >= self._losing_since + limits.slow:
            return self._end(EndReason.TOO_SLOW, "The viewer reads more slowly than lines are written.")
        if now >= self._checked + limits.recheck:
            self._checked = now
            if not await self._may_watch():
                return self._end(EndReason.UNAUTHORISED, "The viewer's token is not valid any more.")
        return None

    def _end(
        self, reason: EndReason, detail: str, *, phase: str | None = None, limit: str | None = None
    ) -> EndFrame:
        cursor = self._place.cursor.encode()
        return EndFrame(reason, self._place.sent, cursor, detail, phase, limit)
