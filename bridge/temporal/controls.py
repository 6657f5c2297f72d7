"""Acting on runs: cancel, terminate, signal, query, update, reset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage
from temporalio.api.query.v1 import WorkflowQuery
from temporalio.api.update.v1 import Input, Meta, WaitPolicy
from temporalio.api.update.v1 import Request as UpdateRequest
from temporalio.api.workflowservice.v1 import (
    QueryWorkflowRequest,
    RequestCancelWorkflowExecutionRequest,
    ResetWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
)

from bridge.steps.engine import Opaque, RunRef
from bridge.steps.phases import IDENTITY
from bridge.temporal.messages import to_failure
from bridge.temporal.payloads import from_payloads, to_payloads
from bridge.temporal.rpc import Rpc
from crossover.errors import InvalidRequest, NoAnswer, NotFound, Rejected, RunClosed, cut
from crossover.identity import no_such_run

ANSWER_TIMEOUT = timedelta(seconds=15)
"""Queries and updates need a worker; a person who waits longer wants to know that none answers."""

_COMPLETED = UpdateWorkflowExecutionLifecycleStage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
_FIRST_TASK_COMPLETED = 4
"""Event id of the first completed workflow task (1 started, 2 scheduled, 3 task started): reset's default."""


def _over(ref: RunRef, what: str) -> RunClosed:
    return RunClosed(f"Run {ref.id!r} is over, or never was: it takes no {what}.")


def _answer(value: Any) -> Any:
    return value.described() if isinstance(value, Opaque) else value


class Controls:
    """Each is safe to repeat: by a request id, an update id, or because doing it twice changes nothing."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def cancel(self, ref: RunRef, run_id: str, *, first_run_id: str, reason: str) -> None:
        request = RequestCancelWorkflowExecutionRequest(
            namespace=ref.namespace,
            workflow_execution=WorkflowExecution(workflow_id=ref.id),
            first_execution_run_id=first_run_id,
            request_id=f"cancel-{run_id}",
            identity=IDENTITY,
            reason=reason,
        )
        try:
            await self._rpc.call(
                "RequestCancelWorkflowExecution",
                self._rpc.service.request_cancel_workflow_execution,
                request,
            )
        except NotFound:
            return  # already over: nothing is left to cancel

    async def terminate(self, ref: RunRef, *, first_run_id: str, reason: str) -> None:
        request = TerminateWorkflowExecutionRequest(
            namespace=ref.namespace,
            workflow_execution=WorkflowExecution(workflow_id=ref.id),
            first_execution_run_id=first_run_id,
            identity=IDENTITY,
            reason=reason,
        )
        try:
            await self._rpc.call(
                "TerminateWorkflowExecution", self._rpc.service.terminate_workflow_execution, request
            )
        except (NotFound, InvalidRequest):
            return  # already over, or the id belongs to a newer chain by now

    async def signal(self, ref: RunRef, *, name: str, args: Sequence[Any], request_id: str) -> None:
        request = SignalWorkflowExecutionRequest(
            namespace=ref.namespace,
            workflow_execution=WorkflowExecution(workflow_id=ref.id),
            signal_name=name,
            input=to_payloads(args),
            identity=IDENTITY,
            request_id=request_id,
        )
        try:
            await self._rpc.call(
                "SignalWorkflowExecution", self._rpc.service.signal_workflow_execution, request
            )
        except NotFound:
            raise _over(ref, "signals") from None

    async def query(self, ref: RunRef, *, name: str, args: Sequence[Any]) -> Any:
        request = QueryWorkflowRequest(
            namespace=ref.namespace,
            execution=WorkflowExecution(workflow_id=ref.id),
            query=WorkflowQuery(query_type=name, query_args=to_payloads(args)),
        )
        try:
            reply = await self._rpc.call(
                "QueryWorkflow",
                self._rpc.service.query_workflow,
                request,
                retry=False,
                timeout=ANSWER_TIMEOUT,
            )
        except NotFound:
            raise no_such_run(ref.id) from None
        except InvalidRequest as error:
            # A handler's own exception and an unknown query both come as INVALID_ARGUMENT.
            raise Rejected(f"The workflow refused query {name!r}. {error.detail}") from None
        except NoAnswer:
            raise NoAnswer(
                f"No worker answered query {name!r}: is the run's worker up?", retry_after=5
            ) from None
        return _answer(from_payloads(reply.query_result))

    async def update(self, ref: RunRef, *, name: str, args: Sequence[Any], update_id: str) -> Any:
        request = UpdateWorkflowExecutionRequest(
            namespace=ref.namespace,
            workflow_execution=WorkflowExecution(workflow_id=ref.id),
            wait_policy=WaitPolicy(lifecycle_stage=_COMPLETED),
            request=UpdateRequest(
                meta=Meta(update_id=update_id, identity=IDENTITY),
                input=Input(name=name, args=to_payloads(args)),
            ),
        )
        call = self._rpc.call(
            "UpdateWorkflowExecution",
            self._rpc.service.update_workflow_execution,
            request,
            retry=False,
            timeout=ANSWER_TIMEOUT,
        )
        try:
            reply = await call
        except NotFound:
            raise _over(ref, "updates") from None
        except NoAnswer:
            raise NoAnswer(
                f"Update {name!r} is not finished yet: repeat it with the same update_id to get its result.",
                retry_after=5,
            ) from None
        if reply.outcome.HasField("failure"):
            failure = to_failure(reply.outcome.failure)
            raise Rejected(f"The workflow refused update {name!r}: {cut(failure.message)}")
        if not reply.outcome.HasField("success"):
            raise NoAnswer(
                f"Update {name!r} is not finished yet: repeat it with the same update_id.", retry_after=5
            )
        return _answer(from_payloads(reply.outcome.success))

    async def reset(
        self, ref: RunRef, run_id: str, *, event_id: int | None, reason: str, request_id: str
    ) -> str:
        request = ResetWorkflowExecutionRequest(
            namespace=ref.namespace,
            workflow_execution=WorkflowExecution(workflow_id=ref.id, run_id=run_id),
            reason=reason,
            workflow_task_finish_event_id=event_id or _FIRST_TASK_COMPLETED,
            request_id=request_id,
            identity=IDENTITY,
        )
        reply = await self._rpc.call(
            "ResetWorkflowExecution", self._rpc.service.reset_workflow_execution, request
        )
        return reply.run_id
