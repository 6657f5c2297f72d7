"""An application that logs by structlog alone, without `logging` underneath."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from crossover_sdk import add_trace_id
from tests.sdk.collected import Collector

log = structlog.wrap_logger(Collector(), processors=[add_trace_id], wrapper_class=structlog.BoundLogger)


@activity.defn
async def speak() -> None:
    log.info("in the activity")


@workflow.defn
class Structured:
    @workflow.run
    async def run(self) -> None:
        log.info("before")
        await workflow.execute_activity(speak, start_to_close_timeout=timedelta(seconds=60))
        log.info("after")


@asynccontextmanager
async def working(client: Client) -> AsyncIterator[str]:
    """A worker without a cache, so that "before" is replayed."""
    queue = f"structured-{uuid.uuid4()}"
    runner = SandboxedWorkflowRunner(
        SandboxRestrictions.default.with_passthrough_modules("structlog", "tests.sdk.collected")
    )
    async with Worker(
        client,
        task_queue=queue,
        workflows=[Structured],
        activities=[speak],
        workflow_runner=runner,
        max_cached_workflows=0,
    ):
        yield queue
