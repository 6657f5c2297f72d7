"""Which runs of the agent are open, whoever started them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bridge.argo.agent.orphans import OpenRun
from bridge.gateway import Gateway
from bridge.steps.engine import Snapshot
from bridge.steps.record import RunRecord
from crossover.contract.run import Mode, OnCancel, tenant_of


class AgentRuns:
    """`OpenRuns` over Temporal's visibility.

    Args:
        namespaces: Temporal's, those of all tenants.
    """

    def __init__(self, gateway: Gateway, namespaces: Sequence[str]) -> None:
        self._gateway = gateway
        self._namespaces = namespaces

    async def agent_runs(self, known: Collection[str]) -> Sequence[OpenRun]:
        """Rows of known runs are not even read: there may be thousands each minute."""
        found: list[OpenRun] = []
        for namespace in self._namespaces:
            async for page in self._gateway.open_tied(namespace, (Mode.AGENT,), known):
                found += [open_run for run in page if (open_run := _open_run(run))]
        return found


def _open_run(run: Snapshot) -> OpenRun | None:
    record = RunRecord.from_memo(run.memo, tenant=tenant_of(run.ref.id) or "")
    if record.argo is None or record.on_cancel is OnCancel.ABANDON:
        return None
    return OpenRun(run.ref.id, record.argo)
