"""Reading runs: describe, outcome, long poll, sweep, lists, queues, history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import HistoryEventFilterType, TaskQueueType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    CountWorkflowExecutionsRequest,
    DescribeNamespaceRequest,
    DescribeTaskQueueRequest,
    DescribeWorkflowExecutionRequest,
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryReverseRequest,
)

from bridge.gateway import ClosedRun, Page
from bridge.steps.engine import Outcome, QueueHealth, RunRef, Snapshot
from bridge.temporal.attributes import SearchAttributeNames
from bridge.temporal.listing import Listing, decoded, encoded, no_token
from bridge.temporal.messages import (
    described_snapshot,
    listed_snapshot,
    queue_health,
    task_failure_text,
    to_outcome,
    to_time,
)
from bridge.temporal.rpc import Rpc, now
from crossover.contract.names import SEARCH_TRACE_ID, TRACE_ID
from crossover.contract.run import RUN_PREFIX, Phase, tenant_prefix
from crossover.errors import CrossoverError, InvalidRequest, NotFound
from crossover.identity import no_such_run

_CLOSE_EVENT = HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT

FIRST_LOOK = timedelta(minutes=10)
"""How far the first sweep looks back: more than clocks of healthy machines differ. Later ones go by
the close times that Temporal itself wrote."""

SCAN_PAGES = 10
"""Pages that one listing may read when a trace can only be found by reading memos."""

_STATUSES: dict[str, tuple[str, ...]] = {
    Phase.PENDING: ("Running",),
    Phase.RUNNING: ("Running",),
    Phase.SUCCEEDED: ("Completed",),
    Phase.FAILED: ("Failed", "Canceled", "TimedOut", "Terminated"),
    Phase.ERROR: ("Terminated",),
}


class Reads:
    """Every read is one call, but for a stuck run, whose failure text takes a second."""

    def __init__(self, rpc: Rpc, attributes: SearchAttributeNames) -> None:
        self._rpc = rpc
        self._attributes = attributes
        self._listing = Listing(rpc)

    async def describe(self, ref: RunRef, run_id: str | None = None) -> Snapshot:
        request = DescribeWorkflowExecutionRequest(namespace=ref.namespace, execution=_execution(ref, run_id))
        try:
            message = await self._rpc.call(
                "DescribeWorkflowExecution", self._rpc.service.describe_workflow_execution, request
            )
        except NotFound:
            raise no_such_run(ref.id) from None
        failing = message.HasField("pending_workflow_task") and message.pending_workflow_task.attempt > 1
        newest = message.workflow_execution_info.execution.run_id
        text = await self._task_failure(ref, newest) if failing else None
        return described_snapshot(ref.namespace, message, text)

    async def _task_failure(self, ref: RunRef, run_id: str) -> str | None:
        """Only the first failed attempt of a workflow task is in the history, near its end."""
        request = GetWorkflowExecutionHistoryReverseRequest(
            namespace=ref.namespace, execution=_execution(ref, run_id), maximum_page_size=5
        )
        reply = await self._rpc.call(
            "GetWorkflowExecutionHistoryReverse",
            self._rpc.service.get_workflow_execution_history_reverse,
            request,
        )
        texts = (task_failure_text(event) for event in reply.history.events)
        return next((text for text in texts if text), None)

    async def outcome(self, ref: RunRef, run_id: str) -> Outcome:
        events = await self._close_event(ref, run_id, wait=False)
        if not events:
            raise no_such_run(ref.id)
        return to_outcome(run_id, events[-1])

    async def wait_closed(self, ref: RunRef, run_id: str) -> Outcome | None:
        events = await self._close_event(ref, run_id, wait=True)
        return to_outcome(run_id, events[-1]) if events else None

    async def _close_event(self, ref: RunRef, run_id: str, *, wait: bool) -> Sequence[HistoryEvent]:
        request = GetWorkflowExecutionHistoryRequest(
            namespace=ref.namespace,
            execution=_execution(ref, run_id),
            wait_new_event=wait,
            history_event_filter_type=_CLOSE_EVENT,
            skip_archival=True,
        )
        method = self._rpc.service.get_workflow_execution_history
        call = self._rpc.poll if wait else self._rpc.call
        try:
            reply = await call("GetWorkflowExecutionHistory", method, request)
        except NotFound:
            raise no_such_run(ref.id) from None
        return reply.history.events

    async def closed_since(self, namespace: str, since: datetime | None) -> Sequence[ClosedRun]:
        start = since or now() - FIRST_LOOK
        query = (
            f"WorkflowId STARTS_WITH '{RUN_PREFIX}/' AND ExecutionStatus != 'ContinuedAsNew' "
            f"AND CloseTime >= '{_stamp(start)}'"
        )
        return [
            ClosedRun(
                RunRef(namespace, info.execution.workflow_id),
                info.execution.run_id,
                to_time(info.close_time) or start,
            )
            for info in await self._listing.everything(namespace, query)
        ]

    async def queue(self, namespace: str, task_queue: str) -> QueueHealth:
        request = DescribeTaskQueueRequest(
            namespace=namespace,
            task_queue=TaskQueue(name=task_queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            report_stats=True,
        )
        reply = await self._rpc.call("DescribeTaskQueue", self._rpc.service.describe_task_queue, request)
        return queue_health(task_queue, reply, now())

    async def list_runs(
        self,
        namespace: str,
        tenant: str,
        *,
        trace_id: str | None,
        phases: Sequence[str],
        limit: int,
        page_token: str | None,
    ) -> Page:
        indexed = SEARCH_TRACE_ID in await self._attributes.registered(namespace)
        query = _list_query(tenant, trace_id if indexed else None, phases)
        token = decoded(page_token)
        runs: list[Snapshot] = []
        for _ in range(1 if indexed or trace_id is None else SCAN_PAGES):
            infos, token = await self._listing.page(
                namespace, query, limit - len(runs), token, given=page_token is not None
            )
            found = (listed_snapshot(namespace, info) for info in infos)
            runs += [run for run in found if trace_id is None or run.memo.get(TRACE_ID) == trace_id]
            if not token or len(runs) >= limit:
                break
        return Page(runs, encoded(token))

    async def count_open(self, namespace: str, tenant: str) -> int:
        query = f"WorkflowId STARTS_WITH '{tenant_prefix(tenant)}' AND ExecutionStatus = 'Running'"
        request = CountWorkflowExecutionsRequest(namespace=namespace, query=query)
        reply = await self._rpc.call(
            "CountWorkflowExecutions", self._rpc.service.count_workflow_executions, request
        )
        return int(reply.count)

    async def open_runs_of(self, namespace: str, prefix: str) -> Sequence[Snapshot]:
        query = f"WorkflowId STARTS_WITH '{prefix}' AND ExecutionStatus = 'Running'"
        return [listed_snapshot(namespace, info) for info in await self._listing.everything(namespace, query)]

    async def history(
        self, ref: RunRef, run_id: str, *, limit: int, page_token: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        request = GetWorkflowExecutionHistoryRequest(
            namespace=ref.namespace,
            execution=_execution(ref, run_id),
            maximum_page_size=limit,
            next_page_token=decoded(page_token),
            skip_archival=True,
        )
        method = self._rpc.service.get_workflow_execution_history
        try:
            reply = await self._rpc.call("GetWorkflowExecutionHistory", method, request)
        except InvalidRequest:
            if page_token is None:
                raise
            raise no_token() from None
        return [MessageToDict(event) for event in reply.history.events], encoded(reply.next_page_token)

    async def check(self, namespace: str) -> str | None:
        request = DescribeNamespaceRequest(namespace=namespace)
        try:
            await self._rpc.call(
                "DescribeNamespace", self._rpc.service.describe_namespace, request, retry=False
            )
        except CrossoverError as error:
            return error.detail
        return None


def _execution(ref: RunRef, run_id: str | None) -> WorkflowExecution:
    return WorkflowExecution(workflow_id=ref.id, run_id=run_id or "")


def _list_query(tenant: str, trace_id: str | None, phases: Sequence[str]) -> str:
    """Values are validated names without quotes, so they cannot leave their strings."""
    terms = [f"WorkflowId STARTS_WITH '{tenant_prefix(tenant)}'", "ExecutionStatus != 'ContinuedAsNew'"]
    if trace_id is not None:
        terms.append(f"{SEARCH_TRACE_ID} = '{trace_id}'")
    statuses = sorted({status for phase in phases for status in _STATUSES[phase]})
    if statuses:
        terms.append("ExecutionStatus IN ({})".format(", ".join(f"'{status}'" for status in statuses)))
    return " AND ".join(terms)


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
