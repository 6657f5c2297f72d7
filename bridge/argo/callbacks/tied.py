"""A run that is tied to an Argo node: as much of it as the sweeps keep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bridge.steps.engine import RunRef, Snapshot, Status
from bridge.steps.record import Callback, RunRecord
from crossover.contract.run import ArgoNode, Mode, OnCancel, Scope, run_id, tenant_of

TIED = frozenset({Mode.PLUGIN, Mode.CALLBACK})
"""Modes in which nobody tells the bridge that Argo has given up the node. Steps tell it by themselves, and
the agent sees it."""


@dataclass(frozen=True, slots=True)
class Tied:
    """Args:
    run_id: Temporal's, of the newest run of the chain; `first_run_id` names the chain.
    attempts_only: the run stands for one attempt of the node, not for all of them.
    abandons: the run outlives its node.
    """

    ref: RunRef
    tenant: str
    run_id: str
    first_run_id: str
    node: ArgoNode
    mode: Mode
    callback: Callback | None
    attempts_only: bool
    abandons: bool
    succeeded: bool
    closed_at: datetime | None

    @property
    def workflow(self) -> tuple[str, str, str]:
        return self.node.namespace, self.node.workflow, self.node.uid

    def of_attempt(self, retries: int) -> Tied:
        """As a later attempt of the node sees it, which has found the run of an earlier one."""
        later = max(retries, self.node.retries)
        return self if later == self.node.retries else replace(self, node=replace(self.node, retries=later))


def tied(run: Snapshot) -> Tied | None:
    """None for runs of other modes, and for memos that say too little."""
    tenant = tenant_of(run.ref.id)
    record = RunRecord.from_memo(run.memo, tenant=tenant or "")
    lacks = record.mode is Mode.CALLBACK and record.callback is None
    if tenant is None or record.argo is None or record.mode not in TIED or lacks:
        return None
    return Tied(
        ref=run.ref,
        tenant=tenant,
        run_id=run.run_id,
        first_run_id=run.first_run_id,
        node=record.argo,
        mode=record.mode,
        callback=record.callback if record.mode is Mode.CALLBACK else None,
        attempts_only=run.ref.id == run_id(tenant, record.argo, Scope.ATTEMPT),
        abandons=record.on_cancel is OnCancel.ABANDON,
        succeeded=run.status is Status.COMPLETED,
        closed_at=run.closed_at if run.status.closed else None,
    )
