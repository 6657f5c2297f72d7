"""The app `planned` for a real bridge: its run does what its input says, as the fake's runs do."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from temporalio import workflow
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.worker import Worker

from crossover_sdk import CrossoverPlugin
from crossover_sdk.names import MEMO_PROGRESS


@workflow.defn(name="Planned")
class Planned:
    @workflow.run
    async def run(self, plan: dict[str, Any]) -> Any:
        seconds, steps = plan.get("seconds", 0), plan.get("progress", [])
        for step in steps:
            workflow.upsert_memo({MEMO_PROGRESS: step})
            await asyncio.sleep(seconds / len(steps))
        if not steps:
            await asyncio.sleep(seconds)
        if "fail" in plan:
            raise _error(plan["fail"].get("failure") or {"type": "Planned", "message": "it was planned"})
        return plan.get("result")


def _error(failure: dict[str, Any]) -> ApplicationError:
    error = ApplicationError(failure["message"], type=failure["type"], non_retryable=True)
    if failure.get("cause"):
        error.__cause__ = _error(failure["cause"])
    return error


async def main() -> None:
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], plugins=[CrossoverPlugin()])
    async with Worker(client, task_queue="planned", workflows=[Planned]):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
