"""What runs in pods: a Temporal worker, or a step's own program, whose lines are numbered.

    python3 counting.py worker     # at TEMPORAL_ADDRESS, for the workflow Count
    python3 counting.py step       # writes until SIGTERM; its last word is how many lines, its exit code 75

Of ours there is only testbed.numbered_lines beside it, and the SDK.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from crossover_sdk import CrossoverPlugin, context
from testbed.numbered_lines import NumberedLines

QUEUE = "counting"
PAUSE = 0.05
LAST_WORD = Path("/dev/termination-log")

_written: Counter[str] = Counter()


def _source(container: str) -> str:
    return f"{os.uname().nodename}/{container}"


@activity.defn
async def write_lines(count: int) -> tuple[str, int]:
    """This pod, and how many lines of the trace it has written in all."""
    run = context()
    assert run is not None
    lines = NumberedLines(_source("worker"), run.trace_id)
    for _ in range(count):
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        print(lines.text(_written[run.trace_id], now).decode(), flush=True)
        _written[run.trace_id] += 1
        await asyncio.sleep(PAUSE)
    return _source("worker"), _written[run.trace_id]


@workflow.defn
class Count:
    """Has lines written, some at least, until it is told: enough. Its result is who wrote how many."""

    def __init__(self) -> None:
        self._enough = False

    @workflow.signal
    def enough(self) -> None:
        self._enough = True

    @workflow.run
    async def run(self, _input: Any = None) -> dict[str, dict[str, int]]:
        written: dict[str, int] = {}
        while not (written and self._enough):
            pod, count = await workflow.execute_activity(
                write_lines, 10, start_to_close_timeout=timedelta(seconds=60)
            )
            written[pod] = count
        return {"written": written}


async def work() -> None:
    """Until SIGTERM; lines that were begun are finished."""
    over = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, over.set)
    plugins = [CrossoverPlugin(log_format=None)]
    client = await Client.connect(os.environ["TEMPORAL_ADDRESS"], plugins=plugins)
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[Count],
        activities=[write_lines],
        workflow_runner=UnsandboxedWorkflowRunner(),
        graceful_shutdown_timeout=timedelta(seconds=20),
    ):
        await over.wait()


def step() -> None:
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: over.append(number))
    lines, count = NumberedLines(_source("main")), 0
    while not over:
        print(lines.text(count).decode(), flush=True)
        count += 1
        time.sleep(PAUSE)
    LAST_WORD.write_text(str(count))


if __name__ == "__main__":
    code = 0
    if sys.argv[1] == "worker":
        asyncio.run(work())
    else:
        step()
        code = 75
    sys.stdout.flush()
    # https://github.com/temporalio/sdk-python/issues/300: native threads may crash the exit.
    os._exit(code)
