"""Executions that never run: small records that Temporal keeps, closes once, and forgets in its own time.

Each is started with a delay as long as its life, so no worker ever sees it. Seen on Temporal's dev server:
the execution timeout counts from the creation, also while the start is delayed; of several terminations one
succeeds and the others get NOT_FOUND; the close event keeps reason, details and identity.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from google.protobuf.duration_pb2 import Duration
from temporalio.api.common.v1 import WorkflowType
from temporalio.api.enums.v1 import WorkflowIdConflictPolicy
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    ListWorkflowExecutionsRequest,
    StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from bridge.steps.phases import IDENTITY
from bridge.temporal.approval_messages import no_token
from bridge.temporal.rpc import Rpc
from crossover.errors import Conflict, InvalidRequest, NoAnswer, NotFound

_PAGE = 200
"""Rows asked for at once: their memos are up to 30 KB each."""


def never_run(namespace: str, kind: str, id: str, lifetime: float) -> StartWorkflowExecutionRequest:
    """`lifetime` is seconds; then the execution is timed out."""
    life = Duration(seconds=max(1, round(lifetime)))
    return StartWorkflowExecutionRequest(
        namespace=namespace,
        workflow_id=id,
        workflow_type=WorkflowType(name=kind),
        task_queue=TaskQueue(name=kind),
        workflow_start_delay=life,
        workflow_execution_timeout=life,
        identity=IDENTITY,
        request_id=str(uuid.uuid4()),
        workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
    )


class NeverRun:
    """Starting, ending and listing them."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def start(self, request: StartWorkflowExecutionRequest) -> bool:
        """Whether there was none by that id."""
        try:
            reply = await self._rpc.call(
                "StartWorkflowExecution", self._rpc.service.start_workflow_execution, request
            )
        except Conflict:
            return False  # closed already, and its id is not used again
        return reply.started

    async def terminate(self, request: TerminateWorkflowExecutionRequest) -> bool:
        """Whether it was open. An answer that was lost and asked for again says no."""
        try:
            await self._rpc.call(
                "TerminateWorkflowExecution", self._rpc.service.terminate_workflow_execution, request
            )
        except NotFound:
            return False
        return True

    async def all_open(self, namespace: str, kind: str) -> Sequence[WorkflowExecutionInfo]:
        query = f"WorkflowId STARTS_WITH '{kind}/' AND ExecutionStatus = 'Running'"
        rows: list[WorkflowExecutionInfo] = []
        token = b""
        while True:
            page, token = await self._page(namespace, query, _PAGE, token)
            rows += page
            if not token:
                return rows

    async def page(
        self, namespace: str, query: str, size: int, token: bytes, *, given: bool
    ) -> tuple[Sequence[WorkflowExecutionInfo], bytes]:
        """A token that is none makes the server's store fail, which looks like an outage.

        Args:
            given: whether a caller has brought the first token.
        """
        try:
            return await self._page(namespace, query, size, token, retry=not given)
        except (InvalidRequest, NoAnswer):
            if not given:
                raise
            raise no_token() from None

    async def _page(
        self, namespace: str, query: str, size: int, token: bytes, *, retry: bool = True
    ) -> tuple[Sequence[WorkflowExecutionInfo], bytes]:
        request = ListWorkflowExecutionsRequest(
            namespace=namespace, query=query, page_size=size, next_page_token=token
        )
        reply = await self._rpc.call(
            "ListWorkflowExecutions", self._rpc.service.list_workflow_executions, request, retry=retry
        )
        return reply.executions, reply.next_page_token
