"""The application of the recorded workflow: an `Extract` on the queue `pg`, which ends when it is told to."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

QUEUE = "pg"


@workflow.defn(name="Extract")
class Extract:
    def __init__(self) -> None:
        self._told: dict[str, Any] | None = None

    @workflow.run
    async def run(self, given: dict[str, Any]) -> dict[str, Any]:
        await workflow.wait_condition(lambda: self._told is not None)
        told = self._told or {}
        if "fail" in told:
            raise ApplicationError(told["fail"], type="Planned", non_retryable=True)
        return told

    @workflow.signal
    def end(self, told: dict[str, Any]) -> None:
        """The result, or how it fails."""
        self._told = told

    @workflow.signal
    def progress(self, text: str) -> None:
        workflow.upsert_memo({"crossover_progress": text})


def extracting(client: Client) -> Worker:
    return Worker(client, task_queue=QUEUE, workflows=[Extract], workflow_runner=UnsandboxedWorkflowRunner())
