"""Carries a run's context from its start to everything that it starts.

Temporal itself carries nothing to activities and children, and keeps memo but not headers when a
workflow continues as new (seen with temporalio 1.35 on server 1.32).
"""

from __future__ import annotations

from typing import Any, NoReturn

from temporalio import client, worker, workflow

from crossover_sdk.run_context import add_headers, from_arguments, from_headers
from crossover_sdk.scopes import context, enter_activity, workflow_scope


class ContextInterceptor(client.Interceptor, worker.Interceptor):
    """Stateless; `INTERCEPTOR` is the one instance, so that Temporal can tell it is already there."""

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:
        return _ClientOutbound(next)

    def intercept_activity(
        self, next: worker.ActivityInboundInterceptor
    ) -> worker.ActivityInboundInterceptor:
        return _ActivityInbound(next)

    def workflow_interceptor_class(
        self, input: worker.WorkflowInterceptorClassInput
    ) -> type[worker.WorkflowInboundInterceptor]:
        return _WorkflowInbound


INTERCEPTOR = ContextInterceptor()


class _ClientOutbound(client.OutboundInterceptor):
    async def start_workflow(self, input: client.StartWorkflowInput) -> client.WorkflowHandle[Any, Any]:
        input.headers = add_headers(input.headers, context())
        return await super().start_workflow(input)

    async def start_update_with_start_workflow(
        self, input: client.StartWorkflowUpdateWithStartInput
    ) -> client.WorkflowUpdateHandle[Any]:
        start = input.start_workflow_input
        start.headers = add_headers(start.headers, context())
        return await super().start_update_with_start_workflow(input)

    async def start_activity(self, input: client.StartActivityInput) -> client.ActivityHandle[Any]:
        input.headers = add_headers(input.headers, context())
        return await super().start_activity(input)


class _ActivityInbound(worker.ActivityInboundInterceptor):
    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:
        enter_activity(from_headers(input.headers) or from_arguments(input.args))
        return await super().execute_activity(input)


class _WorkflowInbound(worker.WorkflowInboundInterceptor):
    def init(self, outbound: worker.WorkflowOutboundInterceptor) -> None:
        super().init(_WorkflowOutbound(outbound))

    async def execute_workflow(self, input: worker.ExecuteWorkflowInput) -> Any:
        scope = workflow_scope()
        scope.run = scope.run or from_arguments(input.args)
        return await super().execute_workflow(input)


class _WorkflowOutbound(worker.WorkflowOutboundInterceptor):
    def start_activity(self, input: worker.StartActivityInput) -> workflow.ActivityHandle[Any]:
        input.headers = add_headers(input.headers, context())
        return super().start_activity(input)

    def start_local_activity(self, input: worker.StartLocalActivityInput) -> workflow.ActivityHandle[Any]:
        input.headers = add_headers(input.headers, context())
        return super().start_local_activity(input)

    async def start_child_workflow(
        self, input: worker.StartChildWorkflowInput
    ) -> workflow.ChildWorkflowHandle[Any, Any]:
        input.headers = add_headers(input.headers, context())
        return await super().start_child_workflow(input)

    def continue_as_new(self, input: worker.ContinueAsNewInput) -> NoReturn:
        input.headers = add_headers(input.headers, context())
        super().continue_as_new(input)
