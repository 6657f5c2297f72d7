"""Which runs of the agent are open, whoever started them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bridge.argo.agent.orphans import OpenRun
from bridge.steps.record import RunRecord
from bridge.temporal.messages import listed_snapshot
from bridge.temporal.reads import SWEEP_PAGE, Reads
from crossover.contract.names import SEARCH_MODE
from crossover.contract.run import RUN_PREFIX, Mode, OnCancel, tenant_of


class AgentRuns:
    """`OpenRuns` over Temporal's visibility, which knows of a start about a second later.

    Args:
        namespaces: Temporal's, those of all tenants.
    """

    def __init__(self, reads: Reads, namespaces: Sequence[str]) -> None:
        self._reads = reads
        self._namespaces = namespaces

    async def agent_runs(self, known: Collection[str]) -> Sequence[OpenRun]:
        found: list[OpenRun] = []
        for namespace in self._namespaces:
            found += await self._of(namespace, known)
        return found

    async def _of(self, namespace: str, known: Collection[str]) -> list[OpenRun]:
        """Rows of known runs are not even read: there may be thousands each minute."""
        terms = [f"WorkflowId STARTS_WITH '{RUN_PREFIX}/'", "ExecutionStatus = 'Running'"]
        if SEARCH_MODE in await self._reads._attributes.registered(namespace):
            terms.append(f"{SEARCH_MODE} = '{Mode.AGENT.value}'")
        found: list[OpenRun] = []
        token = b""
        while True:
            infos, token = await self._reads._list(namespace, " AND ".join(terms), SWEEP_PAGE, token)
            unknown = [info for info in infos if info.execution.workflow_id not in known]
            for run in (listed_snapshot(namespace, info) for info in unknown):
                record = RunRecord.from_memo(run.memo, tenant=tenant_of(run.ref.id) or "")
                ours = record.mode is Mode.AGENT and record.on_cancel is not OnCancel.ABANDON
                if ours and record.argo is not None:
                    found.append(OpenRun(run.ref.id, record.argo))
            if not token:
                return found
