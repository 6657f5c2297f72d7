"""The sweep: one visibility query a second notices the closes of all runs that have no long poll."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta

from bridge.gateway import ClosedRun, Gateway
from bridge.loops import forever
from bridge.steps.engine import RunRef
from bridge.waits.polls import Closed
from bridge.waits.settings import WaitSettings
from bridge.waits.watch import By, Watch
from crossover.errors import CrossoverError
from crossover.telemetry import get_logger

OVERLAP = timedelta(seconds=3)
"""Visibility is written after the close, so rows may appear a little out of order."""

READS_AT_ONCE = 16
"""Outcomes read at a time when many runs close in one second."""

_log = get_logger(__name__)


class Sweep:
    """One query per namespace that has swept runs; the clock is the server's own close times."""

    def __init__(
        self,
        gateway: Gateway,
        settings: WaitSettings,
        watches: Mapping[RunRef, Watch],
        closed: Closed,
        look: Callable[[Watch], Awaitable[None]],
    ) -> None:
        self._gateway = gateway
        self._interval = settings.sweep_interval
        self._watches = watches
        self._closed = closed
        self._look = look
        self._since: dict[str, datetime] = {}
        self._reading: dict[RunRef, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(READS_AT_ONCE)
        self.trouble: CrossoverError | None = None

    async def run(self) -> None:
        await forever("sweep", self._round, self._interval)

    async def _round(self) -> None:
        namespaces = {ref.namespace for ref, watch in self._watches.items() if watch.by is By.SWEEP}
        for idle in self._since.keys() - namespaces:
            del self._since[idle]
        for namespace in namespaces:
            await self._sweep(namespace)

    async def _sweep(self, namespace: str) -> None:
        try:
            found = await self._gateway.closed_since(namespace, self._since.get(namespace))
        except CrossoverError as error:
            if self.trouble is None:
                _log.warning("sweep fails", namespace=namespace, error=error.detail)
            self.trouble = error
            return
        self.trouble = None
        if found:
            self._since[namespace] = max(row.closed_at for row in found) - OVERLAP
        for row in found:
            self._begin_reading(row)

    def _begin_reading(self, row: ClosedRun) -> None:
        watch = self._watches.get(row.ref)
        if watch is None or watch.by is not By.SWEEP or row.ref in self._reading:
            return
        task = asyncio.create_task(self._read(watch, row))
        self._reading[row.ref] = task
        task.add_done_callback(lambda _: self._reading.pop(row.ref, None))

    async def _read(self, watch: Watch, row: ClosedRun) -> None:
        """A failed read is left to the next sweep, which sees the same row again."""
        async with self._places:
            try:
                if row.run_id == watch.snapshot.run_id:
                    await self._closed(watch, await self._gateway.outcome(row.ref, row.run_id))
                else:
                    # An earlier attempt that a retry replaced, or a later run of the chain: look anew.
                    await self._look(watch)
            except CrossoverError as error:
                _log.debug("outcome not read", run=row.ref.id, error=error.detail)
            except Exception:
                _log.exception("outcome not read", run=row.ref.id)
