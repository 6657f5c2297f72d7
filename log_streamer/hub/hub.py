"""All follows of this process, by container: opened for the first listener, closed after the last."""

from __future__ import annotations

import asyncio

from log_streamer.hub.follow import Follow
from log_streamer.hub.latecomer import Latecomer
from log_streamer.hub.settings import FollowSettings
from log_streamer.hub.taps import Tap
from log_streamer.metrics import Metrics
from log_streamer.model import Container
from log_streamer.sources.source import LogSource


class Hub:
    """`attach` a tap to a container's log; `detach` it, and the log is closed when it was the last."""

    def __init__(self, settings: FollowSettings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._opening = asyncio.Semaphore(settings.opening)
        self._follows: dict[str, Follow] = {}
        self._latecomers: dict[Tap, Latecomer] = {}
        metrics.watch_follows(lambda: len(self._follows))

    def attach(self, container: Container, source: LogSource, tap: Tap, since: int | None) -> None:
        """The tap gets every line of its trace once, from the second `since` on (None: all there are),
        whoever else follows the log."""
        follow = self._follows.get(container.key)
        if follow is None:
            self._follows[container.key] = follow = Follow(
                container,
                source,
                since,
                self._settings,
                self._opening,
                self._metrics,
                lambda over: self._forget(over),
            )
            follow.taps.add(tap)
            return
        self._latecomers[tap] = Latecomer(follow, tap, since, lambda: self._latecomers.pop(tap, None))

    async def detach(self, container: Container, tap: Tap) -> None:
        latecomer = self._latecomers.pop(tap, None)
        if latecomer is not None:
            await latecomer.close()
        follow = self._follows.get(container.key)
        if follow is None:
            return
        follow.taps.remove(latecomer or tap)
        follow.taps.remove(tap)
        if not follow.taps:
            self._forget(follow)
            await follow.close()

    async def close(self) -> None:
        late, self._latecomers = list(self._latecomers.values()), {}
        follows, self._follows = list(self._follows.values()), {}
        await asyncio.gather(*(each.close() for each in late), *(each.close() for each in follows))

    def _forget(self, follow: Follow) -> None:
        if self._follows.get(follow.container.key) is follow:
            del self._follows[follow.container.key]
