"""The orphan sweep: runs whose node Argo has given up are cancelled, as each of them wants it.

Argo tells nobody: a plugin is not called when its node times out, and a suspend node that was stopped looks
like any other that is over. So the workflows of open runs are looked at, seldom, and evenly.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from bridge.argo.callbacks.delivery import WHO
from bridge.argo.callbacks.metrics import CallbackMetrics
from bridge.argo.callbacks.orphan import orphaned
from bridge.argo.callbacks.pace import Pace
from bridge.argo.callbacks.settings import CallbackSettings
from bridge.argo.callbacks.sources import Cancelling, TiedRuns, Workflows
from bridge.argo.callbacks.tied import Tied, tied
from bridge.loops import forever
from bridge.steps.record import RunRecord
from crossover.audit import Audit, Event
from crossover.contract.run import Mode
from crossover.errors import CrossoverError, NotFound
from crossover.telemetry import get_logger

WATCHED = (Mode.PLUGIN, Mode.CALLBACK)
"""Nobody tells these of a node that is over: the step and the agent look for themselves."""

LONGEST = 60.0
"""Seconds between looks at one workflow while there are many; it is longer only where the pace allows no
more."""

_LOOKS = 8
_log = get_logger(__name__)


class Orphans:
    """Args:
    seen: told of each open run that completes a suspend node.
    """

    def __init__(
        self,
        runs: TiedRuns,
        workflows: Workflows,
        cancels: Cancelling,
        namespaces: Sequence[str],
        pace: Pace,
        audit: Audit,
        metrics: CallbackMetrics,
        settings: CallbackSettings,
        *,
        seen: Callable[[Tied], None],
    ) -> None:
        self._runs = runs
        self._workflows = workflows
        self._cancels = cancels
        self._namespaces = namespaces
        self._pace = pace
        self._audit = audit
        self._metrics = metrics
        self._seen = seen
        self._interval = settings.orphans_interval
        self._looked: dict[tuple[str, str, str], float] = {}
        self._places = asyncio.Semaphore(_LOOKS)

    async def run(self) -> None:
        """Until cancelled."""
        await forever("orphans", self._round, self._interval, at_once=True)

    async def _round(self) -> None:
        groups: dict[tuple[str, str, str], list[Tied]] = defaultdict(list)
        for namespace in self._namespaces:
            for run in await self._open(namespace):
                if run.callback is not None:
                    self._seen(run)
                if not run.abandons:
                    groups[run.workflow].append(run)
        now = asyncio.get_running_loop().time()
        self._looked = {key: self._looked.get(key, 0.0) for key in groups}
        every = min(LONGEST, max(self._interval, len(groups) / self._pace.per_second))
        due = [key for key, at in self._looked.items() if at == 0.0 or now - at >= every * 0.9]
        due.sort(key=lambda key: self._looked[key])
        await asyncio.gather(*(self._look(groups[key]) for key in due))

    async def _open(self, namespace: str) -> list[Tied]:
        found: list[Tied] = []
        try:
            async for page in self._runs.open_tied(namespace, WATCHED):
                found += [run for each in page if (run := tied(each)) is not None]
        except CrossoverError as error:
            _log.debug("open runs not read", namespace=namespace, error=error.detail)
        return found

    async def _look(self, group: Sequence[Tied]) -> None:
        """One question for all runs of a workflow. Without an answer nothing is cancelled."""
        async with self._places:
            await self._pace.turn()
            self._looked[group[0].workflow] = asyncio.get_running_loop().time()
            try:
                workflow = await self._workflows.get(group[0].node)
            except CrossoverError:
                return
        now = datetime.now(UTC)
        for run in group:
            if (reason := orphaned(run, workflow, now)) is not None:
                await self._cancel(run, reason)

    async def _cancel(self, run: Tied, reason: str) -> None:
        """Only the run that was seen: the node may have a newer one by now."""
        try:
            newest = await self._runs.describe(run.ref)
            if newest.status.closed or newest.cancel_requested or newest.first_run_id != run.first_run_id:
                return
            record = RunRecord.from_memo(newest.memo, tenant=run.tenant)
            await self._cancels.cancel(
                newest, mode=record.on_cancel, grace=record.cancel_grace, reason=reason
            )
        except NotFound:
            return
        except CrossoverError as error:
            _log.debug("orphan not cancelled yet", run=run.ref.id, error=error.detail)
            return
        self._metrics.cancelled(run.mode.value)
        self._audit.record(Event(WHO, run.tenant, "run.cancel", run.ref.id, why=reason))
