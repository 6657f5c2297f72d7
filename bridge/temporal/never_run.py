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
    StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)

from bridge.steps.phases import IDENTITY
from bridge.temporal.listing import Listing
from bridge.temporal.rpc import Rpc
from crossover.errors import Conflict, NotFound

_ROWS = 200
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
        self._listing = Listing(rpc)

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

    async def all_open(self, namespace: str, prefix: str) -> Sequence[WorkflowExecutionInfo]:
        query = f"WorkflowId STARTS_WITH '{prefix}' AND ExecutionStatus = 'Running'"
        return await self._listing.everything(namespace, query, _ROWS)
