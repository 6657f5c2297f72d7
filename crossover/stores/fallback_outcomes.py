"""Outcomes told while the shared store is away are kept by this replica until it is back."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from datetime import datetime
from types import TracebackType

from crossover.flags.model import Variant, When
from crossover.flags.outcome import Outcome, Tally
from crossover.stores.leases import StoreAway
from crossover.stores.outcomes import KEPT_PER_FLAG, Outcomes
from crossover.telemetry import get_logger

LOOK_EVERY = 1.0
"""Seconds between two looks whether a store that was away is back."""

_log = get_logger("crossover.stores")


class FallbackOutcomes:
    """Adding never fails. Use it as a context manager.

    Only the call that notices an outage waits for the store; those after it do not. Reading is the shared
    store's alone, and raises StoreAway: a gate is not judged by what one replica happens to know.

    Args:
        waiting: outcomes kept for a store that is away; beyond that the oldest are lost, and counted.
    """

    def __init__(
        self, store: Outcomes, *, waiting: int = KEPT_PER_FLAG, look_every: float = LOOK_EVERY
    ) -> None:
        self.lost = 0
        self.degraded: str | None = None
        self._store = store
        self._limit = waiting
        self._look_every = look_every
        self._waiting: OrderedDict[str, Outcome] = OrderedDict()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """How many outcomes the shared store has not got yet."""
        return len(self._waiting)

    async def add(self, outcome: Outcome) -> None:
        if self.degraded is not None:
            self._keep(outcome)
            return
        try:
            await self._store.add(outcome)
        except StoreAway as away:
            self._degrade(away.detail)
            self._keep(outcome)
        except asyncio.CancelledError:  # whether the store has it is not known
            self._keep(outcome)
            raise

    async def tally(
        self, flag: str, side: Variant, since: datetime, when: When, unless: tuple[When, ...] = ()
    ) -> Tally:
        """Raises StoreAway."""
        return await self._store.tally(flag, side, since, when, unless)

    async def recent(self, tenant: str | None, flag: str, limit: int) -> list[Outcome]:
        """Raises StoreAway."""
        return await self._store.recent(tenant, flag, limit)

    async def aclose(self) -> None:
        await self._store.aclose()

    async def __aenter__(self) -> FallbackOutcomes:
        self._task = asyncio.create_task(self._deliver(), name="outcomes")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self.aclose()

    def _keep(self, outcome: Outcome) -> None:
        self._waiting.pop(outcome.id, None)
        self._waiting[outcome.id] = outcome
        self._wake.set()
        if len(self._waiting) > self._limit:
            self._waiting.popitem(last=False)
            self.lost += 1

    async def _deliver(self) -> None:
        while True:
            await self._wake.wait()
            try:
                await self._hand_over()
            except StoreAway as away:
                self._degrade(away.detail)
                await asyncio.sleep(self._look_every)

    async def _hand_over(self) -> None:
        """In the order they came. New ones queue up behind until none is left."""
        while self._waiting:
            outcome = next(iter(self._waiting.values()))
            await self._store.add(outcome)
            if self._waiting.get(outcome.id) is outcome:
                del self._waiting[outcome.id]
        self._wake.clear()
        if self.degraded is not None:
            _log.warning("the store of outcomes is back", lost=self.lost)
            self.degraded = None

    def _degrade(self, detail: str) -> None:
        if self.degraded is None:
            _log.warning("outcomes wait in this replica", reason=detail)
        self.degraded = detail
