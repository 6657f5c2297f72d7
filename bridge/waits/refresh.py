"""Refresh: a bounded number of describes a second keeps progress and problems current, oldest look first."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

from bridge.loops import forever
from bridge.steps.engine import RunRef
from bridge.waits.queues import Queues
from bridge.waits.settings import WaitSettings
from bridge.waits.watch import Watch

LOOKS_AT_ONCE = 4
"""One describe that hangs must not hold up the others."""

QUEUES_INTERVAL = 5.0
"""Seconds between looks at the queues on which runs still wait for a first worker."""


class Refresh:
    """Few runs are seen every `refresh_interval` each; thousands in turn, `refresh_rate` a second."""

    def __init__(
        self,
        settings: WaitSettings,
        watches: Mapping[RunRef, Watch],
        queues: Queues,
        look: Callable[[Watch], Awaitable[None]],
        rebuild: Callable[[Watch], None],
    ) -> None:
        self._settings = settings
        self._watches = watches
        self._queues = queues
        self._look = look
        self._rebuild = rebuild
        self._looking: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        await forever("refresh", self._round, 1 / self._settings.refresh_rate)

    async def _round(self) -> None:
        if len(self._looking) < LOOKS_AT_ONCE and (watch := self._due()) is not None:
            task = asyncio.create_task(self._refresh(watch))
            self._looking.add(task)
            task.add_done_callback(self._looking.discard)

    def _due(self) -> Watch | None:
        waited = [watch for watch in self._watches.values() if watch.waited_for]
        watch = min(waited, key=lambda each: each.due, default=None)
        return watch if watch is not None and watch.due <= time.monotonic() else None

    async def _refresh(self, watch: Watch) -> None:
        watch.due = time.monotonic() + self._settings.refresh_interval
        await self._look(watch)

    async def run_queues(self) -> None:
        """A dead queue is told to all runs that wait on it, however long it takes to look at each."""
        await forever("queues", self._queues_round, QUEUES_INTERVAL)

    async def _queues_round(self) -> None:
        waiting: dict[tuple[str, str], list[Watch]] = defaultdict(list)
        for watch in self._watches.values():
            if watch.waited_for and not watch.snapshot.picked_up:
                waiting[watch.ref.namespace, watch.snapshot.task_queue].append(watch)
        for key, watches in waiting.items():
            health = await self._queues.health(*key)
            dead = health is not None and health.pollers == 0
            for watch in watches:
                if dead != _told_dead(watch):
                    self._rebuild(watch)


def _told_dead(watch: Watch) -> bool:
    return any(problem["code"] == "no-poller" for problem in watch.view.data["problems"])
