"""The backlog: runs that are over and may still be owed, whichever replica left them so. It is read from
Temporal: all of a day when this replica starts, then what has closed since.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bridge.argo.callbacks.deliveries import Deliveries
from bridge.argo.callbacks.pace import Pace
from bridge.argo.callbacks.settings import CallbackSettings
from bridge.argo.callbacks.sources import TiedRuns, Workflows
from bridge.argo.callbacks.target import Done, Over, find
from bridge.argo.callbacks.tied import Tied, tied
from bridge.loops import forever
from bridge.steps.stopping import same_workflow
from crossover.errors import CrossoverError
from crossover.telemetry import get_logger

OVERLAP = timedelta(seconds=30)
"""Visibility is written after the close, so rows may appear late and out of order."""

_LOOKS = 8
_log = get_logger(__name__)


@dataclass(slots=True)
class _Entry:
    run: Tied
    due: float


class Backlog:
    """Args:
    namespaces: Temporal's, of all tenants.
    """

    def __init__(
        self,
        runs: TiedRuns,
        workflows: Workflows,
        deliveries: Deliveries,
        namespaces: Sequence[str],
        pace: Pace,
        settings: CallbackSettings,
    ) -> None:
        self._runs = runs
        self._workflows = workflows
        self._deliveries = deliveries
        self._namespaces = namespaces
        self._pace = pace
        self._window = timedelta(seconds=settings.window)
        self._interval = settings.backlog_interval
        self._again = settings.again
        self._since: dict[str, datetime] = {}
        self._entries: dict[str, _Entry] = {}
        self._places = asyncio.Semaphore(_LOOKS)

    async def run(self) -> None:
        """Until cancelled."""
        await forever("callbacks", self._round, self._interval, at_once=True, spread=0.2)

    async def _round(self) -> None:
        for namespace in self._namespaces:
            try:
                await self._read(namespace)
            except CrossoverError as error:
                _log.debug("closed runs not read", namespace=namespace, error=error.detail)
        self._forget_old()
        groups: dict[tuple[str, str, str], list[_Entry]] = defaultdict(list)
        for entry in sorted(self._due(), key=_closed_at, reverse=True):
            groups[entry.run.workflow].append(entry)
        await asyncio.gather(*map(self._look, groups.values()))

    async def _read(self, namespace: str) -> None:
        """What closed before this replica lived has no other owner to wait for, or has had its time."""
        known = self._since.get(namespace)
        since = known or datetime.now(UTC) - self._window
        newest, found = since, list[Tied]()
        async for page in self._runs.closed_callbacks(namespace, since - OVERLAP if known else since):
            found += [run for each in page if (run := tied(each)) is not None]
        for run in found:
            newest = max(newest, run.closed_at or newest)
            if run.run_id not in self._entries and not self._is_settled(run):
                patience = self._interval if known else 0.0
                self._entries[run.run_id] = _Entry(run, _now() + patience)
        self._since[namespace] = newest

    def _is_settled(self, run: Tied) -> bool:
        return self._deliveries.settled(run) and run.succeeded

    def _due(self) -> list[_Entry]:
        now = _now()
        return [
            entry
            for entry in self._entries.values()
            if entry.due <= now and not self._deliveries.follows(entry.run)
        ]

    def _forget_old(self) -> None:
        oldest = datetime.now(UTC) - self._window - OVERLAP
        for run_id, entry in list(self._entries.items()):
            if _closed_at(entry) < oldest or self._is_settled(entry.run):
                del self._entries[run_id]

    async def _look(self, group: Sequence[_Entry]) -> None:
        """One question for all runs of a workflow."""
        async with self._places:
            await self._pace.turn()
            try:
                workflow = await self._workflows.get(group[0].run.node)
            except CrossoverError:
                for entry in group:
                    entry.due = _now() + self._interval
                return
        now = datetime.now(UTC)
        for entry in group:
            run = entry.run
            assert run.callback is not None
            target = find(workflow, run.node, run.callback, now)
            if not isinstance(target, Done | Over):
                entry.due = _now() + self._interval
                self._deliveries.owed(run)
            elif run.succeeded or not same_workflow(workflow, run.node):
                self._settle(run)
            else:
                entry.due = _now() + max(self._again, len(self._entries) / self._pace.per_second)

    def _settle(self, run: Tied) -> None:
        self._deliveries.settle(run.run_id)
        self._entries.pop(run.run_id, None)


def _closed_at(entry: _Entry) -> datetime:
    return entry.run.closed_at or datetime.now(UTC)


def _now() -> float:
    return asyncio.get_running_loop().time()
