"""Follows one container's log for as long as someone listens, across everything that cuts connections.

Kubelets cut follows after four hours, load balancers when they are quiet, restarts at any time; nothing
in the stream tells a cut from the end. So the container is asked, the log opened again from the second
before the last line, and what was read already passed over (`feed.positions`).
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from crossover.telemetry import get_logger
from log_streamer.feed.notices import Reason
from log_streamer.feed.positions import Position, Resume, position_after, resume_lines
from log_streamer.hub.settings import FollowSettings
from log_streamer.lines.demux import Demux
from log_streamer.lines.splitter import Splitter
from log_streamer.lines.stamps import stamp_of_time
from log_streamer.metrics import Metrics
from log_streamer.model import Container
from log_streamer.sources.source import (
    Away,
    Denied,
    Gone,
    Life,
    LogSource,
    NotReady,
    SourceError,
)

_log = get_logger(__name__)


REOPEN = 1.0
"""Seconds before a log is opened again whose follow ended while its container runs: for about a second the
API may still show a container's old life, when the kubelet serves the new one's log already."""

PACE = 0.01
"""Seconds between looks at whether readers have caught up."""


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


class Follow:
    """Args:
    since: whole seconds since the epoch that the first listener asks for; None: all there is.
    opening: shared by all follows of the process.
    on_over: called once, when the log is over.
    """

    def __init__(
        self,
        container: Container,
        source: LogSource,
        since: int | None,
        settings: FollowSettings,
        opening: asyncio.Semaphore,
        metrics: Metrics,
        on_over: Callable[[Follow], None],
    ) -> None:
        self.container = container
        self.source = source
        self.position: Position | None = None
        self.since = since
        self._settings = settings
        self._opening = opening
        self._metrics = metrics
        self._on_over = on_over
        self._taps: dict[bytes, list[Tap]] = {}
        self._demux = Demux(tagged=container.tagged)
        self._resume: Resume[bytes] | None = None
        self._settled = False
        self._quiet: asyncio.TimerHandle | None = None
        self._delay = settings.first_delay
        self.over = False
        self._told = False
        self._task = asyncio.create_task(self._run(), name=f"follow {container.key}")

    @property
    def taps(self) -> list[Tap]:
        return [tap for taps in self._taps.values() for tap in taps]

    def add(self, tap: Tap) -> None:
        if self._told:
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

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while not self.over:
                await self._once()
        except Exception:
            _log.exception("a follow broke", container=self.container.key)
            self._gap(Reason.UNREADABLE, "This log cannot be read on: the service's own log says why.")
        finally:
            self._stop_timer()
        self._on_over(self)
        self._told = True
        for tap in self.taps:
            tap.ended()

    async def _once(self) -> None:
        """One connection, and what to do after it."""
        error: SourceError | None = None
        try:
            await self._connection(follow=True)
        except SourceError as raised:
            error = raised
        finally:
            self._stop_timer()
        if isinstance(error, Denied):
            self._end_with_gap(Reason.UNREADABLE, error.detail)
        elif isinstance(error, NotReady | Away):
            if isinstance(error, NotReady):
                self._settle()
            await self._wait(error.retry_after)
        else:
            await self._after(error)

    async def _after(self, error: SourceError | None) -> None:
        """The connection ended, or the log is gone: was that the end of the log?"""
        try:
            life = await self.source.life(self.container)
            if life is Life.ENDED and not isinstance(error, Gone):
                await self._connection(follow=False)  # a cut just before the end looks like the end
                self.over = True
            elif life in (Life.ENDED, Life.GONE):
                self.over = True
                if isinstance(error, Gone) and not self._settled:
                    self._gap(Reason.GONE, "The log was removed before it was read.")
            else:
                await self._wait(REOPEN)
        except (Gone, Denied) as gone:
            self._end_with_gap(Reason.GONE, gone.detail)
        except SourceError as away:
            await self._wait(away.retry_after)

    async def _connection(self, *, follow: bool) -> None:
        position = self.position
        since = self.since if position is None else position.since
        self._resume = None if position is None else resume_lines(position)
        loop, settings = asyncio.get_running_loop(), self._settings
        async with self._opening:
            opened = self.source.open(self.container, since=since, follow=follow)
            chunks = await opened.__aenter__()
        try:
            self._metrics.opened(follow)
            self._watch_for_quiet()
            end = loop.time() + settings.lifetime * random.uniform(0.8, 1.2)
            async with asyncio.timeout(settings.idle) as limit:
                await self._read(chunks, limit, end, whole=not follow)
        except TimeoutError:
            return  # reopened, if the container still runs
        finally:
            await opened.__aexit__(None, None, None)

    async def _read(
        self, chunks: AsyncIterator[bytes], limit: asyncio.Timeout, end: float, *, whole: bool
    ) -> None:
        loop, splitter, idle = asyncio.get_running_loop(), Splitter(), self._settings.idle
        async for chunk in chunks:
            limit.reschedule(min(loop.time() + idle, end))
            self._metrics.read(len(chunk))
            if block := splitter.feed(chunk):
                self._delay = self._settings.first_delay
                self._take(block)
            if not self._settled or (self._resume and not self._resume.over):
                self._watch_for_quiet()
            if self._full:
                limit.reschedule(None)
                await self._pace()
                limit.reschedule(min(loop.time() + idle, end))
        if whole:
            if block := splitter.end():
                self._take(block)
            self._passed_by()

    def _take(self, block: bytes) -> None:
        if self._resume is not None and not self._resume.over:
            new = self._resume.take(block[:-1].split(b"\n"))
            if self._resume.over and not self._resume.proven:
                self._unproven(new)
            if not new:
                return
            block = b"\n".join(new) + b"\n"
        self._hand_on(block)

    def _hand_on(self, block: bytes) -> None:
        self.position = position = position_after(block, self.position)
        upto = position.stamp if position else b""
        if not self.container.shared:
            lines = block[:-1].split(b"\n")
            for tap in self.taps:
                tap.lines(lines, upto)
            return
        found = self._demux.take(block, self._taps.keys())
        for trace, taps in list(self._taps.items()):
            for tap in taps:
                tap.lines(found.get(trace, ()), upto)

    def _unproven(self, new: Sequence[bytes]) -> None:
        until = position_after(new[0] + b"\n", None) if new else None
        self._gap(
            Reason.ROTATED,
            "The log was rotated or cut while nobody could read it: lines may be missing.",
            until.stamp if until else None,
        )

    def _passed_by(self) -> None:
        """The log is quiet: a line that would prove where it goes on will not come any more."""
        if self._resume is not None and not self._resume.over:
            new = self._resume.give_up()
            self._unproven(new)
            if new:
                self._hand_on(b"\n".join(new) + b"\n")
        self._settle()

    def _settle(self) -> None:
        if not self._settled:
            self._settled = True
            for tap in self.taps:
                tap.settled()

    def _watch_for_quiet(self) -> None:
        loop, settle = asyncio.get_running_loop(), self._settings.settle
        self._stop_timer()
        if self.position and self.position.stamp >= stamp_of_time(time.time() - 1.0):
            self._settle()
        self._quiet = loop.call_later(settle, self._passed_by)

    def _stop_timer(self) -> None:
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None

    @property
    def _full(self) -> bool:
        taps = self.taps
        return bool(taps) and all(tap.full for tap in taps)

    async def _pace(self) -> None:
        """Nobody reads as fast as the log is written: the log waits, which its file allows for a while."""
        steps = round(self._settings.patience / PACE)
        for _ in range(steps):
            if not self._full:
                return
            await asyncio.sleep(PACE)

    async def _wait(self, retry_after: float | None) -> None:
        delay = max(retry_after or 0.0, self._delay * random.uniform(0.7, 1.0))
        self._delay = min(self._delay * 2, self._settings.most_delay)
        await asyncio.sleep(delay)

    def _gap(self, reason: Reason, detail: str, until: bytes | None = None) -> None:
        since = self.position.stamp if self.position else None
        self._metrics.gap(reason.value)
        for tap in self.taps:
            tap.gap(reason, detail, since, until)

    def _end_with_gap(self, reason: Reason, detail: str) -> None:
        self._gap(reason, detail)
        self.over = True
