"""Start or attach, with no moment at which a crash could leave two runs or none."""

from __future__ import annotations

from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import Header, Memo, SearchAttributes, WorkflowType
from temporalio.api.enums.v1 import WorkflowExecutionStatus, WorkflowIdConflictPolicy, WorkflowIdReusePolicy
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import StartWorkflowExecutionRequest, StartWorkflowExecutionResponse

from bridge.steps.engine import Snapshot, Started, StartPlan, Status
from bridge.steps.start import check_attach, is_same_request
from bridge.temporal.attributes import SearchAttributeNames
from bridge.temporal.payloads import to_fields, to_payload, to_payloads
from bridge.temporal.reads import Reads
from bridge.temporal.rpc import Rpc, now
from crossover.errors import Conflict, NotFound


class Starts:
    """Temporal itself makes the start idempotent: one workflow id per node, USE_EXISTING while it runs,
    ALLOW_DUPLICATE_FAILED_ONLY once it is over, and one request id per request."""

    def __init__(self, rpc: Rpc, reads: Reads, attributes: SearchAttributeNames) -> None:
        self._rpc = rpc
        self._reads = reads
        self._attributes = attributes

    async def start(self, plan: StartPlan) -> Started:
        if plan.may_have_started and (earlier := await self._earlier(plan)):
            return Started(created=True, snapshot=earlier)
        request = await self._request(plan)
        try:
            reply = await self._rpc.call(
                "StartWorkflowExecution", self._rpc.service.start_workflow_execution, request
            )
        except Conflict:
            # The newest run of this id completed: nothing is left to start.
            return await self._attach(plan)
        if reply.started:
            return await self._new(plan, reply)
        return await self._attach(plan)

    async def _earlier(self, plan: StartPlan) -> Snapshot | None:
        """The run that an earlier, unanswered try of this request started, also after a chain moved on."""
        try:
            existing = await self._reads.describe(plan.ref)
        except NotFound:
            return None
        return existing if is_same_request(plan, existing) else None

    async def _new(self, plan: StartPlan, reply: StartWorkflowExecutionResponse) -> Started:
        if reply.status not in (
            WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
            WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_UNSPECIFIED,  # servers before 1.25
        ):
            # This request's own run, already over: an answer was lost and the caller asked again.
            return Started(created=True, snapshot=await self._reads.describe(plan.ref, reply.run_id))
        started_at = now()
        snapshot = Snapshot(
            ref=plan.ref,
            run_id=reply.run_id,
            first_run_id=reply.first_execution_run_id or reply.run_id,
            workflow_type=plan.workflow_type,
            task_queue=plan.task_queue,
            status=Status.RUNNING,
            memo=plan.memo,
            started_at=started_at,
            deadline_at=started_at + timedelta(seconds=plan.execution_timeout),
        )
        return Started(created=True, snapshot=snapshot)

    async def _attach(self, plan: StartPlan) -> Started:
        existing = await self._reads.describe(plan.ref)
        check_attach(plan, existing)
        return Started(created=False, snapshot=existing)

    async def _request(self, plan: StartPlan) -> StartWorkflowExecutionRequest:
        attributes = await self._attributes.registered(plan.ref.namespace)
        known = {name: value for name, value in plan.search_attributes.items() if name in attributes}
        headers = to_fields(plan.headers)
        own = {key: value for key, value in plan.memo.items() if key not in headers}
        return StartWorkflowExecutionRequest(
            namespace=plan.ref.namespace,
            workflow_id=plan.ref.id,
            workflow_type=WorkflowType(name=plan.workflow_type),
            task_queue=TaskQueue(name=plan.task_queue),
            input=to_payloads([plan.input]),
            workflow_execution_timeout=Duration(nanos=0, seconds=max(1, round(plan.execution_timeout))),
            identity=self._rpc.identity,
            request_id=plan.request_id,
            workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
            workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
            memo=Memo(fields={key: headers[key] for key in plan.memo if key in headers} | to_fields(own)),
            search_attributes=SearchAttributes(indexed_fields=to_fields(known)),
            header=Header(fields=headers),
            user_metadata=UserMetadata(summary=to_payload(plan.summary)),
        )
