"""One replica's rates: counted in the shared store, and a share of them alone while that is away."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from crossover.stores.leases import StoreAway
from crossover.stores.rates import LocalRates, Rates
from crossover.telemetry import get_logger

LOOK_EVERY = 1.0
"""Seconds between two looks whether a store that was away is back."""

_log = get_logger("crossover.stores")


class FallbackRates:
    """Never raises StoreAway. While the store is away one call a second looks for it; no other waits for it.

    A replica's own buckets are full when an outage begins, so then it may grant its share of a burst anew.

    Args:
        share: of each rate and burst, what this replica grants alone: one by the number of replicas.
    """

    def __init__(
        self,
        shared: Rates,
        *,
        share: float,
        look_every: float = LOOK_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError("a share is above 0, and 1 at most")
        self.degraded: str | None = None
        self._shared = shared
        self._share = share
        self._look_every = look_every
        self._clock = clock
        self._look_at = -math.inf
        self._local = LocalRates(clock)

    async def take(self, key: tuple[str, ...], rate: float, burst: int) -> float:
        """See Rates; raises ValueError only."""
        if self.degraded is None or self._clock() >= self._look_at:
            self._look_at = self._clock() + self._look_every
            try:
                wait = await self._shared.take(key, rate, burst)
            except StoreAway as away:
                self._away(away)
            else:
                self._back()
                return wait
        return await self._local.take(key, rate * self._share, max(1, math.floor(burst * self._share)))

    async def aclose(self) -> None:
        await self._shared.aclose()

    def _away(self, away: StoreAway) -> None:
        if self.degraded is None:
            _log.warning("rates are counted by this replica alone", reason=away.detail, share=self._share)
        self.degraded = away.detail
        self._look_at = self._clock() + self._look_every

    def _back(self) -> None:
        if self.degraded is not None:
            _log.warning("the store of rates is back")
            self.degraded = None
