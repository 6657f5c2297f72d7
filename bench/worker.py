"""The application under load: `Hold` ends when it is told to."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker


@workflow.defn(name="Hold")
class Hold:
    def __init__(self) -> None:
        self._released = False

    @workflow.run
    async def run(self, given: dict[str, Any]) -> dict[str, Any]:
        await workflow.wait_condition(lambda: self._released)
        return {"n": given["n"]}

    @workflow.signal
    def release(self) -> None:
        self._released = True


async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"])
    runner = UnsandboxedWorkflowRunner()
    async with Worker(
        client, task_queue="bench", workflows=[Hold], workflow_runner=runner, max_cached_workflows=6000
    ):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
