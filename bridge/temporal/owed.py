"""Runs that are tied to Argo nodes: what is owed to nodes, and what may have lost its node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import UTC, datetime

from bridge.steps.engine import Snapshot
from bridge.steps.record import RunRecord
from bridge.temporal.attributes import SearchAttributeNames
from bridge.temporal.listing import ROWS, Listing
from bridge.temporal.messages import listed_snapshot
from bridge.temporal.rpc import Rpc
from crossover.contract.names import SEARCH_MODE
from crossover.contract.run import RUN_PREFIX, Mode


class OwedRuns:
    """Implements `bridge.argo.callbacks.sources.TiedRuns`, but for `describe`.

    The search attribute narrows the lists where it is registered. A run that was started before has none, so
    runs without one are looked at as well; the memo decides.
    """

    def __init__(
        self, rpc: Rpc, attributes: SearchAttributeNames, cluster: str = "", *, rows: int = ROWS
    ) -> None:
        self._listing = Listing(rpc)
        self._attributes = attributes
        self._cluster = cluster
        self._rows = rows

    def open_tied(
        self, namespace: str, modes: Sequence[Mode], but: Collection[str] = frozenset()
    ) -> AsyncIterator[Sequence[Snapshot]]:
        return self._listed(namespace, "ExecutionStatus = 'Running'", modes, but)

    def closed_callbacks(self, namespace: str, since: datetime) -> AsyncIterator[Sequence[Snapshot]]:
        stamp = since.astimezone(UTC).isoformat().replace("+00:00", "Z")
        closed = f"ExecutionStatus != 'ContinuedAsNew' AND CloseTime >= '{stamp}'"
        return self._listed(namespace, closed, (Mode.CALLBACK,))

    async def _listed(
        self, namespace: str, which: str, modes: Sequence[Mode], but: Collection[str] = frozenset()
    ) -> AsyncIterator[Sequence[Snapshot]]:
        query = f"WorkflowId STARTS_WITH '{RUN_PREFIX}/' AND {which}"
        if SEARCH_MODE in await self._attributes.registered(namespace):
            of_modes = ", ".join(f"'{mode}'" for mode in modes)
            query += f" AND ({SEARCH_MODE} IN ({of_modes}) OR {SEARCH_MODE} IS NULL)"
        async for page in self._listing.pages(namespace, query, self._rows):
            rows = (info for info in page if info.execution.workflow_id not in but)
            runs = (listed_snapshot(namespace, info) for info in rows)
            yield [run for run in runs if self._belongs(run, modes)]

    def _belongs(self, run: Snapshot, modes: Sequence[Mode]) -> bool:
        """Another cluster's runs are its own bridge's business: our Argo does not know their workflows."""
        record = RunRecord.from_memo(run.memo, tenant="")
        return record.mode in modes and record.cluster == self._cluster
