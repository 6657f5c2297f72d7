"""Callbacks and the orphan sweep, put together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bridge.argo.callbacks.backlog import Backlog
from bridge.argo.callbacks.completer import Completer
from bridge.argo.callbacks.deliveries import Deliveries
from bridge.argo.callbacks.delivery import Delivery
from bridge.argo.callbacks.metrics import CallbackMetrics
from bridge.argo.callbacks.orphans import Orphans
from bridge.argo.callbacks.pace import Pace
from bridge.argo.callbacks.settings import CallbackSettings
from bridge.argo.callbacks.sources import Cancelling, Completing, TiedRuns, Waits, Workflows
from bridge.argo.callbacks.tied import Tied
from bridge.steps.engine import Snapshot
from crossover.audit import Audit
from crossover.contract.run import ArgoNode


class Callbacks:
    """Args:
    workflows: the Argo Server, or the Kubernetes API.
    server: the Argo Server; without it no suspend node is completed, and lost runs are still found.
    namespaces: Temporal's, of all tenants.
    """

    def __init__(
        self,
        runs: TiedRuns,
        waits: Waits,
        cancels: Cancelling,
        workflows: Workflows,
        server: Completing | None,
        namespaces: Sequence[str],
        audit: Audit,
        metrics: CallbackMetrics,
        settings: CallbackSettings,
    ) -> None:
        pace = Pace(settings.looks_per_second)
        self.completer = None if server is None else Completer(server)
        self._deliveries: Deliveries | None = None
        self._backlog: Backlog | None = None
        if self.completer is not None:
            delivery = Delivery(runs, self.completer, audit, metrics)
            self._deliveries = Deliveries(delivery, waits, metrics, settings)
            self._backlog = Backlog(
                runs,
                workflows,
                self._deliveries,
                namespaces,
                pace,
                settings,
            )
        self._orphans = Orphans(
            runs,
            workflows,
            cancels,
            namespaces,
            pace,
            audit,
            metrics,
            settings,
            seen=self._seen,
        )

    def started(self, run: Snapshot, node: ArgoNode) -> None:
        """A start with a callback was answered: `node` as its caller named it."""
        if self._deliveries is not None:
            self._deliveries.started(run, node)

    def degraded(self) -> dict[str, str]:
        """What an operator should know, by the dependency's name."""
        trouble = None if self._deliveries is None else self._deliveries.degraded()
        return {} if trouble is None else {"argo": trouble}

    async def run(self) -> None:
        """Until cancelled. What is owed then stays owed, in Temporal."""
        try:
            async with asyncio.TaskGroup() as work:
                work.create_task(self._orphans.run())
                if self._backlog is not None:
                    work.create_task(self._backlog.run())
        finally:
            if self._deliveries is not None:
                await self._deliveries.close()

    def _seen(self, run: Tied) -> None:
        if self._deliveries is not None:
            self._deliveries.seen(run)
