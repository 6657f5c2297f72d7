"""So many per second and no more: the generic cell rate algorithm. One store per installation counts.

A bucket is one moment: when it will be full again. Each grant moves it on by the time between two grants; one
that would move it further ahead than the burst allows has to wait
(https://en.wikipedia.org/wiki/Generic_cell_rate_algorithm).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

_PRUNE_AT = 10_000


class Rates(Protocol):
    """Where grants are counted."""

    async def take(self, key: tuple[str, ...], rate: float, burst: int) -> float:
        """0.0 when granted, else the seconds until asking again makes sense.

        Args:
            key: what is limited, and whose it is: `("starts", tenant)`.
            rate: grants per second in the long run, above 0.
            burst: grants at once after a rest, 1 at least.

        Raises StoreAway, and ValueError for a rate or burst that is none.
        """
        ...

    async def aclose(self) -> None: ...


def interval_of(rate: float, burst: int) -> float:
    """Seconds between two grants. Raises ValueError."""
    if not (math.isfinite(rate) and rate > 0 and burst >= 1):
        raise ValueError("a rate is above 0, and a burst is 1 at least")
    return 1 / rate


def grant(full_at: float, now: float, interval: float, burst: int) -> tuple[float, float]:
    """When the bucket is full after this, and the seconds to wait; 0.0 means granted.

    A bucket is never fuller ahead than its burst: a clock that was set back, or a limit that was raised,
    makes nobody wait for longer than that.
    """
    ahead = min(max(full_at - now, 0.0), interval * burst)
    wait = ahead - interval * (burst - 1)
    return (now + ahead, wait) if wait > 1e-9 else (now + ahead + interval, 0.0)


class LocalRates:
    """Counts in this process. Strict: no call awaits anything, so no two of them can race."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._full_at: dict[tuple[str, ...], float] = {}

    async def take(self, key: tuple[str, ...], rate: float, burst: int) -> float:
        now = self._clock()
        self._prune(now)
        full_at, wait = grant(self._full_at.get(key, now), now, interval_of(rate, burst), burst)
        self._full_at[key] = full_at
        return wait

    async def aclose(self) -> None:
        """Nothing is open."""

    def _prune(self, now: float) -> None:
        """A full bucket need not be kept."""
        if len(self._full_at) >= _PRUNE_AT:
            self._full_at = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
