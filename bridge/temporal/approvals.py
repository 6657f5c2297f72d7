"""Approvals, kept in Temporal itself.

An approval is an execution that never runs: its memo says what is asked, its execution timeout is its expiry,
and deciding is terminating it. Who closes it has decided; whoever comes second finds it closed. That its end
has still to be told, to an Argo node or a run, is a second such execution, started before the first one and
terminated when that is done.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from temporalio.api.common.v1 import Memo, SearchAttributes, WorkflowExecution
from temporalio.api.enums.v1 import HistoryEventFilterType, WorkflowIdReusePolicy
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
    SignalWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from bridge.approvals.keeping import Owed
from bridge.approvals.record import ApprovalRecord, Kept, State, Verdict, no_such_approval
from bridge.steps.engine import RunRef
from bridge.steps.phases import IDENTITY
from bridge.temporal.approval_messages import (
    APPROVAL,
    EFFECT,
    execution_id,
    kept_of,
    names_of,
    query_for,
    verdict_of,
)
from bridge.temporal.attributes import SearchAttributeNames
from bridge.temporal.listing import Listing, decoded, encoded
from bridge.temporal.never_run import NeverRun, never_run
from bridge.temporal.payloads import to_fields, to_payloads
from bridge.temporal.rpc import Rpc
from crossover.contract.names import SEARCH_TRACE_ID, TRACE_ID
from crossover.errors import NotFound

_SCAN_PAGES = 10
"""Pages that one listing may read when what it looks for is not in the index."""

_CLOSE_EVENTS = 8
"""Close events that a listing reads at once."""

_VERDICTS = 10_000
"""Verdicts remembered: they never change, and a listing needs one for each of its rows."""


class KeptApprovals:
    """Implements `bridge.approvals.keeping.Keeping`, but for `describe`."""

    def __init__(self, rpc: Rpc, attributes: SearchAttributeNames) -> None:
        self._rpc = rpc
        self._attributes = attributes
        self._never_run = NeverRun(rpc)
        self._listing = Listing(rpc)
        self._verdicts: OrderedDict[str, Verdict] = OrderedDict()

    async def ask_approval(
        self, namespace: str, tenant: str, approval: str, record: ApprovalRecord
    ) -> tuple[bool, Kept]:
        request = never_run(namespace, APPROVAL, execution_id(APPROVAL, tenant, approval), record.expires_in)
        request.workflow_id_reuse_policy = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
        memo = {**record.to_memo(), TRACE_ID: record.trace_id}
        request.memo.CopyFrom(Memo(fields=to_fields(memo)))
        if SEARCH_TRACE_ID in await self._attributes.registered(namespace):
            fields = to_fields({SEARCH_TRACE_ID: record.trace_id})
            request.search_attributes.CopyFrom(SearchAttributes(indexed_fields=fields))
        created = await self._never_run.start(request)
        return created, await self.approval(namespace, tenant, approval)

    async def approval(self, namespace: str, tenant: str, approval: str) -> Kept:
        request = DescribeWorkflowExecutionRequest(
            namespace=namespace,
            execution=WorkflowExecution(workflow_id=execution_id(APPROVAL, tenant, approval)),
        )
        try:
            reply = await self._rpc.call(
                "DescribeWorkflowExecution", self._rpc.service.describe_workflow_execution, request
            )
        except NotFound:
            raise no_such_approval(approval) from None
        kept = kept_of(namespace, reply.workflow_execution_info)
        if kept is None:
            raise no_such_approval(approval)
        return await self._decided(kept)

    async def _decided(self, kept: Kept) -> Kept:
        """With its verdict: Temporal keeps that in the history's last event alone."""
        if kept.state is not State.WITHDRAWN:
            return kept
        if (verdict := self._verdicts.get(kept.execution)) is None:
            reply = await self._ending(kept, wait=False)
            verdict = verdict_of(reply.history.events[-1])
            self._verdicts[kept.execution] = verdict
            while len(self._verdicts) > _VERDICTS:
                self._verdicts.popitem(last=False)
        return replace(kept, state=verdict.state, verdict=verdict)

    async def close_approval(self, kept: Kept, verdict: Verdict) -> None:
        request = TerminateWorkflowExecutionRequest(
            namespace=kept.namespace,
            workflow_execution=WorkflowExecution(
                workflow_id=execution_id(APPROVAL, kept.tenant, kept.id), run_id=kept.execution
            ),
            reason=f"{verdict.state} by {verdict.who}" + (f": {verdict.reason}" if verdict.reason else ""),
            details=to_payloads([verdict.to_json()]),
            identity=verdict.who,
        )
        await self._never_run.terminate(request)

    async def await_close(self, kept: Kept) -> None:
        await self._ending(kept, wait=True)

    async def _ending(self, kept: Kept, *, wait: bool) -> GetWorkflowExecutionHistoryResponse:
        request = GetWorkflowExecutionHistoryRequest(
            namespace=kept.namespace,
            execution=WorkflowExecution(
                workflow_id=execution_id(APPROVAL, kept.tenant, kept.id), run_id=kept.execution
            ),
            wait_new_event=wait,
            history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
            skip_archival=True,
        )
        call = self._rpc.poll if wait else self._rpc.call
        try:
            return await call(
                "GetWorkflowExecutionHistory", self._rpc.service.get_workflow_execution_history, request
            )
        except NotFound:
            raise no_such_approval(kept.id) from None

    async def list_approvals(
        self,
        namespace: str,
        tenant: str,
        *,
        state: State | None,
        trace_id: str | None,
        limit: int,
        page_token: str | None,
    ) -> tuple[Sequence[Kept], str | None]:
        indexed = SEARCH_TRACE_ID in await self._attributes.registered(namespace)
        query = query_for(tenant, state, trace_id if indexed else None)
        token, found = decoded(page_token), list[Kept]()
        for _ in range(_SCAN_PAGES):
            infos, token = await self._listing.page(
                namespace, query, limit - len(found), token, given=page_token is not None
            )
            rows = [kept for info in infos if (kept := kept_of(namespace, info))]
            of_trace = [kept for kept in rows if trace_id is None or kept.record.trace_id == trace_id]
            found += [kept for kept in await self._all_decided(of_trace) if state in (None, kept.state)]
            if not token or len(found) >= limit:
                break
        return found, encoded(token)

    async def _all_decided(self, rows: Sequence[Kept]) -> Sequence[Kept]:
        slots = asyncio.Semaphore(_CLOSE_EVENTS)

        async def decided(kept: Kept) -> Kept | None:
            async with slots:
                try:
                    return await self._decided(kept)
                except NotFound:
                    return None  # retention was quicker

        return [kept for kept in await asyncio.gather(*map(decided, rows)) if kept is not None]

    async def open_approvals(self, namespace: str) -> Sequence[Kept]:
        rows = await self._never_run.all_open(namespace, f"{APPROVAL}/")
        return [kept for info in rows if (kept := kept_of(namespace, info))]

    async def owe_effect(self, namespace: str, tenant: str, approval: str, lifetime: float) -> None:
        request = never_run(namespace, EFFECT, execution_id(EFFECT, tenant, approval), lifetime)
        request.workflow_id_reuse_policy = WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE
        await self._never_run.start(request)

    async def owed_effects(self, namespace: str) -> Sequence[Owed]:
        return [
            Owed(namespace, *names)
            for info in await self._never_run.all_open(namespace, f"{EFFECT}/")
            if (names := names_of(EFFECT, info.execution.workflow_id))
        ]

    async def settle_effect(self, owed: Owed) -> bool:
        request = TerminateWorkflowExecutionRequest(
            namespace=owed.namespace,
            workflow_execution=WorkflowExecution(workflow_id=execution_id(EFFECT, owed.tenant, owed.id)),
            reason="settled",
            identity=IDENTITY,
        )
        return await self._never_run.terminate(request)

    async def tell_run(
        self, ref: RunRef, run_id: str, *, signal: str, argument: Any, request_id: str
    ) -> bool:
        request = SignalWorkflowExecutionRequest(
            namespace=ref.namespace,
            workflow_execution=WorkflowExecution(workflow_id=ref.id, run_id=run_id),
            signal_name=signal,
            input=to_payloads([argument]),
            identity=IDENTITY,
            request_id=request_id,
        )
        try:
            await self._rpc.call(
                "SignalWorkflowExecution", self._rpc.service.signal_workflow_execution, request
            )
        except NotFound:
            return False
        return True
