"""What a tenant's quotas say to a start."""

from __future__ import annotations

from bridge.quotas import RunningQuota
from bridge.steps.registry import Quotas
from crossover.errors import Busy
from crossover.stores.rates import Rates


class StartLimits:
    """
    Args:
        rates: counts starts for all replicas; does not raise StoreAway.
    """

    def __init__(self, rates: Rates, running: RunningQuota) -> None:
        self._rates = rates
        self._running = running

    async def check(self, tenant: str, quotas: Quotas) -> None:
        """Counts one more start and one more run. Raises Busy, which names the quota, and counts no run."""
        if quotas.starts_per_second is not None:
            wait = await self._rates.take(("starts", tenant), quotas.starts_per_second, quotas.start_burst)
            if wait > 0:
                raise Busy(
                    f"Tenant {tenant} may start {quotas.starts_per_second:g} runs a second "
                    "(quotas.starts_per_second of the app registry): this start has to wait.",
                    retry_after=wait,
                )
        await self._running.check(tenant, quotas.running_runs)

    def attached(self, tenant: str) -> None:
        """The run that `check` counted was there before, so it is no further one. Not for a refused one."""
        self._running.give_back(tenant)
