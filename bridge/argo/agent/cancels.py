"""Runs that no node waits for any more are cancelled."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from bridge.argo.agent.metrics import AgentMetrics
from bridge.argo.runs import NodeRuns
from crossover.errors import CrossoverError, row_of
from crossover.telemetry import get_logger

AT_ONCE = 16

_log = get_logger(__name__)


class Cancels:
    """So many at once that a workflow of thousands of nodes, once stopped, does not flood Temporal."""

    def __init__(self, runs: NodeRuns, metrics: AgentMetrics) -> None:
        self._runs = runs
        self._metrics = metrics
        self._room = asyncio.Semaphore(AT_ONCE)

    async def cancel(self, run: str, reason: str, *, by: str, wanted: Callable[[], bool]) -> None:
        """Until Temporal knows. Should we end before, the sweep of whoever leads next finds it.

        Args:
            by: who noticed: `watch` or `sweep`.
            wanted: whether the node has begun anew since, and has found the run.
        """
        while True:
            if await self._is_settled(run, reason, by, wanted):
                return
            await asyncio.sleep(random.uniform(0.5, 2))

    async def _is_settled(self, run: str, reason: str, by: str, wanted: Callable[[], bool]) -> bool:
        try:
            async with self._room:
                if wanted():
                    return True
                await self._runs.cancel(run, reason=reason)
        except CrossoverError as error:
            if row_of(error).retryable:
                return False
            _log.info("run is not cancelled", run=run, reason=error.detail)
            return True
        _log.info("run is cancelled", run=run, reason=reason)
        self._metrics.cancelled(by)
        return True
