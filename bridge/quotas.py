"""How many runs a tenant may have going at once. A limit for fairness, not a lock: replicas may each let a
few too many through within the seconds between two counts."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from crossover.errors import Busy, CrossoverError
from crossover.telemetry import get_logger

_log = get_logger("bridge.quotas")


@dataclass(slots=True)
class _Known:
    """What is known of a tenant: the last count, when it was asked for, and this replica's starts since."""

    count: int = 0
    asked_at: float | None = None
    starts: deque[float] = field(default_factory=deque)
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)


class RunningQuota:
    """Asks for a tenant's open runs at most once per `ttl`, and adds its own starts.

    Starts of up to `settle` before a count are added too, for Temporal's visibility shows a run only a while
    after its start (https://docs.temporal.io/visibility): a tenant near its limit may be refused for that
    long, but never gets a burst of runs beyond it. Without an answer the last count stands: a list that is
    away must not stop starts, which do without it.

    Args:
        count: a tenant's open runs; may raise CrossoverError.
        ttl, settle, timeout: seconds. `timeout` is for one count.
    """

    def __init__(
        self,
        count: Callable[[str], Awaitable[int]],
        *,
        ttl: float = 2.0,
        settle: float = 1.0,
        timeout: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._count = count
        self._ttl = ttl
        self._settle = settle
        self._timeout = timeout
        self._clock = clock
        self._tenants: dict[str, _Known] = {}

    async def check(self, tenant: str, limit: int | None) -> None:
        """Counts one more run, or raises Busy, which names the limit. None: there is no limit."""
        if limit is None:
            return
        known = self._tenants.setdefault(tenant, _Known())
        if self._stale(known):
            async with known.asking:
                if self._stale(known):
                    await self._ask(tenant, known)
        running = known.count + len(known.starts)
        if running >= limit:
            raise Busy(
                f"Tenant {tenant} has {running} runs going, and its limit (running_runs) is {limit}: wait "
                "for one to end, or ask for a higher limit.",
                retry_after=self._ttl,
            )
        known.starts.append(self._clock())

    def give_back(self, tenant: str) -> None:
        """The run that was counted did not start after all, or was there before."""
        known = self._tenants.get(tenant)
        if known is not None and known.starts:
            known.starts.pop()

    def _stale(self, known: _Known) -> bool:
        return known.asked_at is None or self._clock() - known.asked_at >= self._ttl

    async def _ask(self, tenant: str, known: _Known) -> None:
        asked_at = self._clock()
        while known.starts and known.starts[0] < asked_at - self._settle:
            known.starts.popleft()
        try:
            async with asyncio.timeout(self._timeout):
                known.count = await self._count(tenant)
        except (CrossoverError, TimeoutError) as error:
            _log.warning("open runs could not be counted", tenant=tenant, reason=str(error) or "no answer")
        known.asked_at = asked_at  # only now: until the answer is there, others wait for it
