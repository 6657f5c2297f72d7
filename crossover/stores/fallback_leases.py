"""One replica's stream limiter: slots in the shared store, and a strict cap of its own while that is away."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from dataclasses import replace
from types import TracebackType

from crossover.stores.leases import Claim, Lease, Leases, Scope, StoreAway
from crossover.stores.local_leases import LocalLeases
from crossover.telemetry import get_logger

LOOK_EVERY = 1.0
"""Seconds between two looks whether a store that was away is back."""

_log = get_logger("crossover.stores")


class FallbackLeases:
    """Takes, renews and gives back the slots of this replica's streams. Use it as a context manager.

    One task renews all streams in one call, and gives back those that ended, in this order: a slot that was
    given back can not be renewed by accident. While the store is away, streams go on, and new ones are
    admitted up to `local_cap` of this replica, still within each scope's limit as far as it can see. When the
    store is back all live streams take their slots again, even beyond a limit.

    Args:
        lease: seconds, as the store has it; renewed every third of it.
        local_cap: streams of this replica, all counted, up to which new ones are admitted in an outage.
    """

    def __init__(
        self, store: Leases, *, lease: float, local_cap: int, look_every: float = LOOK_EVERY
    ) -> None:
        self.degraded: str | None = None
        self._store = store
        self._interval = lease / 3
        self._look_every = look_every
        self._cap = Claim(Scope.REPLICA, (), local_cap)
        self._local = LocalLeases()
        self._live: dict[str, Lease] = {}
        self._ended: list[Lease] = []
        self._wake = asyncio.Event()
        self._renewed_at = -math.inf  # a store that is away from the start is noticed at once
        self._task: asyncio.Task[None] | None = None

    @property
    def live(self) -> int:
        """How many streams of this replica hold slots."""
        return len(self._live)

    async def acquire(self, claims: tuple[Claim, ...]) -> Lease:
        """A stream's slots. Raises Refused."""
        lease = Lease(claims)
        if not await self._taken(lease):
            await self._local.acquire(self._capped(lease))
        self._live[lease.token] = lease
        self._local.hold(self._capped(lease))
        return lease

    def release(self, lease: Lease) -> None:
        """Give the slots back, soon: it neither waits nor fails, so it is safe while a task is cancelled."""
        if self._live.pop(lease.token, None) is not None:
            self._local.drop(self._capped(lease))
            self._give_back(lease)

    async def __aenter__(self) -> FallbackLeases:
        self._task = asyncio.create_task(self._keep(), name="stream leases")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        with contextlib.suppress(StoreAway):
            await self._store.release([*self._live.values(), *self._ended])
        await self._store.aclose()

    async def _taken(self, lease: Lease) -> bool:
        """Whether the store gave the slots; False when it is away. Raises Refused."""
        if self.degraded is not None:
            return False
        try:
            await self._store.acquire(lease)
        except StoreAway as away:
            self._degrade(away)
            return False
        except asyncio.CancelledError:
            self._give_back(lease)
            raise
        return True

    def _capped(self, lease: Lease) -> Lease:
        return replace(lease, claims=(*lease.claims, self._cap))

    def _give_back(self, lease: Lease) -> None:
        self._ended.append(lease)
        self._wake.set()

    async def _keep(self) -> None:
        while True:
            due = self._renewed_at + (self._interval if self.degraded is None else self._look_every)
            # Not wait_for: before Python 3.12 it may lose a cancellation (https://github.com/python/cpython/issues/81839).
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(due - time.monotonic()):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._give_back_ended()
                if time.monotonic() >= due:
                    await self._renew()
            except StoreAway as away:
                self._degrade(away)

    async def _give_back_ended(self) -> None:
        # In an outage they are only forgotten: their slots run out by themselves.
        ended, self._ended = self._ended, []
        if ended and self.degraded is None:
            await self._store.release(ended)

    async def _renew(self) -> None:
        self._renewed_at = time.monotonic()
        await self._store.renew(list(self._live.values()))
        if self.degraded is not None:
            _log.warning("the store of stream leases is back", streams=self.live)
            self.degraded = None
            # Streams that were admitted during the call are not in the store yet.
            await self._store.renew(list(self._live.values()))

    def _degrade(self, away: StoreAway) -> None:
        if self.degraded is None:
            _log.warning("stream leases are counted by this replica alone", reason=away.detail)
        self.degraded = away.detail
        self._wake.set()
