"""Follows one container's log for as long as someone listens, across everything that cuts connections.

Kubelets cut follows after four hours, load balancers when they are quiet, restarts at any time; nothing
in the stream tells a cut from the end. So the container is asked, the log opened again from the second
before the last line, and what was read already passed over (`lines.positions`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable

from crossover.telemetry import get_logger
from log_streamer.hub.reader import Reader
from log_streamer.hub.settings import FollowSettings
from log_streamer.hub.taps import Taps
from log_streamer.lines.positions import Position
from log_streamer.metrics import Metrics
from log_streamer.model import Container, Reason
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
        self.since = since
        self._settings = settings
        self._opening = opening
        self._metrics = metrics
        self._on_over = on_over
        self.taps = Taps()
        self.reader = Reader(container, self.taps, metrics)
        self._most_waits = self._waits_left = round(settings.patience / PACE)
        self._delay = settings.first_delay
        self.over = False
        self._task = asyncio.create_task(self._run(), name=f"follow {container.key}")

    @property
    def position(self) -> Position | None:
        """The last line that was read."""
        return self.reader.position

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while not self.over:
                await self._once()
        except Exception:
            _log.exception("a follow broke", container=self.container.key)
            self.reader.gap(Reason.UNREADABLE, "This log cannot be read on: the service's own log says why.")
        finally:
            self.reader.pause()
        self._on_over(self)
        self.taps.end()

    async def _once(self) -> None:
        """One connection, and what to do after it."""
        error: SourceError | None = None
        try:
            await self._connection(follow=True)
        except SourceError as raised:
            error = raised
        finally:
            self.reader.pause()
        if isinstance(error, Denied):
            self._end_with_gap(Reason.UNREADABLE, error.detail)
        elif isinstance(error, NotReady | Away):
            if isinstance(error, NotReady):
                self.reader.settle()
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
                if isinstance(error, Gone) and not self.reader.settled:
                    self.reader.gap(Reason.GONE, "The log was removed before it was read.")
            else:
                await self._wait(REOPEN)
        except (Gone, Denied) as gone:
            self._end_with_gap(Reason.GONE, gone.detail)
        except SourceError as away:
            await self._wait(away.retry_after)

    async def _connection(self, *, follow: bool) -> None:
        since = self.since if self.position is None else self.position.since
        loop, settings = asyncio.get_running_loop(), self._settings
        async with self._opening:
            opened = self.source.open(self.container, since=since, follow=follow)
            chunks = await opened.__aenter__()
        try:
            self._metrics.opened(follow)
            self.reader.begin()
            end = loop.time() + settings.lifetime * random.uniform(0.8, 1.2)
            async with asyncio.timeout(settings.idle) as limit:
                await self._read(chunks, limit, end, whole=not follow)
        except TimeoutError:
            if not follow:
                raise Away("The log's end could not be read in time.") from None
            # Else it is opened again, if the container still runs.
        finally:
            await opened.__aexit__(None, None, None)

    async def _read(
        self, chunks: AsyncIterator[bytes], limit: asyncio.Timeout, end: float, *, whole: bool
    ) -> None:
        loop, idle = asyncio.get_running_loop(), self._settings.idle
        async for chunk in chunks:
            limit.reschedule(min(loop.time() + idle, end))
            if self.reader.feed(chunk):
                self._delay = self._settings.first_delay
            if not self.taps.full:
                self._waits_left = self._most_waits
            elif self._waits_left:
                limit.reschedule(None)
                await self._pace()
                limit.reschedule(min(loop.time() + idle, end))
        if whole:
            self.reader.finish()

    async def _pace(self) -> None:
        """Nobody reads as fast as the log is written: the log waits, which its file allows for a while. When
        that is over, and until readers have caught up once, it is read on, and they are told what they lose.
        """
        for _ in range(self._waits_left):
            await asyncio.sleep(PACE)
            self._waits_left -= 1
            if not self.taps.full:
                return

    async def _wait(self, retry_after: float | None) -> None:
        delay = max(retry_after or 0.0, self._delay * random.uniform(0.7, 1.0))
        self._delay = min(self._delay * 2, self._settings.most_delay)
        await asyncio.sleep(delay)

    def _end_with_gap(self, reason: Reason, detail: str) -> None:
        self.reader.gap(reason, detail)
        self.over = True
