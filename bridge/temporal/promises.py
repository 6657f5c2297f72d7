"""Promised cancellations, kept in Temporal itself.

A cancelled run has a grace to clean up and is then terminated, also when the bridge that took the cancel
is killed meanwhile. The promise is an execution that never runs; it is found by its id's prefix, and
deleted once it is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from temporalio.api.common.v1 import Memo, WorkflowExecution
from temporalio.api.enums.v1 import WorkflowIdReusePolicy
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest

from bridge.gateway import CancelIntent
from bridge.steps.engine import RunRef
from bridge.temporal.never_run import NeverRun, never_run
from bridge.temporal.payloads import from_fields, to_fields
from bridge.temporal.rpc import Rpc, now
from crossover.contract.run import tenant_of
from crossover.errors import NotFound

KIND = "crossover-cancel"
PREFIX = f"{KIND}/"
KEPT_FOR = timedelta(days=1)
"""How long after its deadline a promise waits for a bridge to come back and keep it."""


class Promises:
    """One small execution per running cancellation."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._never_run = NeverRun(rpc)

    async def promise_cancel(self, intent: CancelIntent) -> None:
        life = (intent.deadline - now() + KEPT_FOR).total_seconds()
        memo = {
            "id": intent.ref.id,
            "first_run_id": intent.first_run_id,
            "made_at": intent.made_at.isoformat(),
            "deadline": intent.deadline.isoformat(),
        }
        request = never_run(intent.ref.namespace, KIND, _id(intent), life)
        # The same request once more is the same promise; and the first one stands: a repeated cancel does not
        # buy the run more time.
        request.request_id = _id(intent)
        request.workflow_id_reuse_policy = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
        request.memo.CopyFrom(Memo(fields=to_fields(memo)))
        await self._never_run.start(request)

    async def promised_cancels(self, namespace: str) -> Sequence[CancelIntent]:
        rows = await self._never_run.all_open(namespace, PREFIX)
        memos = (from_fields(info.memo.fields) for info in rows)
        return [intent for memo in memos if (intent := _read(namespace, memo))]

    async def forget_cancel(self, intent: CancelIntent) -> None:
        request = DeleteWorkflowExecutionRequest(
            namespace=intent.ref.namespace, workflow_execution=WorkflowExecution(workflow_id=_id(intent))
        )
        try:
            await self._rpc.call(
                "DeleteWorkflowExecution", self._rpc.service.delete_workflow_execution, request
            )
        except NotFound:
            return  # another replica was quicker


def _id(intent: CancelIntent) -> str:
    """The chain is part of the id: a later retry of the same node is another promise."""
    return f"{PREFIX}{intent.first_run_id}/{intent.ref.id}"


def _read(namespace: str, memo: Mapping[str, Any]) -> CancelIntent | None:
    """None for what is not one of ours, whatever its id says."""
    run, first = memo.get("id"), memo.get("first_run_id")
    made_at, deadline = _time(memo.get("made_at")), _time(memo.get("deadline"))
    if not isinstance(run, str) or not isinstance(first, str) or made_at is None or deadline is None:
        return None
    return CancelIntent(RunRef(namespace, run), first, made_at, deadline) if tenant_of(run) else None


def _time(value: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None
