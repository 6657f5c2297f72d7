"""A listener that comes to a follow which is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from log_streamer.hub.follow import Follow
from log_streamer.hub.reading import Stretch, read
from log_streamer.hub.taps import Tap
from log_streamer.lines.positions import Position, position_after
from log_streamer.lines.stamps import stamp_of
from log_streamer.model import UNPROVEN, Reason
from log_streamer.sources.source import Away, SourceError

TRIES = 5
MOST_HELD = 2000


class Latecomer:
    """Stands in for a tap that comes to a running follow.

    It holds the new lines back while the old ones, up to where the follow was when the tap came, are read
    from the log; then it hands over what it held, and the tap takes its place.
    """

    def __init__(self, follow: Follow, tap: Tap, since: int | None, on_done: Callable[[], object]) -> None:
        self.trace = tap.trace
        self._follow = follow
        self._tap = tap
        self._since = since
        self._until = follow.position
        self._held: list[Callable[[], None]] = []
        self._ready = asyncio.Event()
        if self._until is not None:
            self._ready.set()
        follow.taps.add(self)
        self._task = asyncio.create_task(self._catch_up())
        self._task.add_done_callback(lambda _: on_done())

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def full(self) -> bool:
        return self._tap.full or len(self._held) > MOST_HELD

    def lines(self, lines: Sequence[bytes], upto: bytes) -> None:
        self._held.append(lambda: self._tap.lines(lines, upto))
        self._ready.set()

    def gap(self, reason: Reason, detail: str, since: bytes | None, until: bytes | None) -> None:
        self._held.append(lambda: self._tap.gap(reason, detail, since, until))

    def settled(self) -> None:
        self._ready.set()

    def ended(self) -> None:
        """The follow tells the tap itself, once that has taken its place."""
        self._ready.set()

    async def _catch_up(self) -> None:
        """A follow that has read nothing yet begins at its own `since`: only what is older is missing."""
        await self._ready.wait()
        first = self._follow.since
        before = stamp_of(first) if self._until is None and first is not None else None
        if self._until is not None or before is not None:
            await self._read(before)
        self._follow.taps.remove(self)
        for hand_over in self._held:
            hand_over()
        self._follow.taps.add(self._tap)

    async def _read(self, before: bytes | None) -> None:
        after: Position | None = None
        for attempt in range(TRIES):
            stretch = Stretch(
                self._follow.container,
                self._follow.source,
                self.trace,
                after=after,
                since=self._since,
                until=self._until,
                before=before,
            )
            try:
                async for piece in read(stretch):
                    if not piece.proven:
                        self._tap.gap(Reason.ROTATED, UNPROVEN, after.stamp if after else None, None)
                    if piece.lines:
                        self._tap.lines(piece.lines, b"")
                        after = position_after(b"\n".join(piece.lines) + b"\n", after)
                return
            except SourceError as error:
                reason = error
                if not isinstance(error, Away):
                    break
                await asyncio.sleep(max(error.retry_after or 0.0, 0.2 * 2**attempt))
        self._tap.gap(Reason.UNREADABLE, reason.detail, None, after.stamp if after else None)
