"""A database to read, and workers: in this process or as the program they are."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from crossover_sdk import CrossoverPlugin
from examples.metadata_extractor.activities import ALL
from examples.metadata_extractor.build_database import build
from examples.metadata_extractor.workflow import ExtractMetadata
from tests.patience import PATIENCE

T = TypeVar("T")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of 300 tables in 12 schemas."""
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    build(path, tables=300)
    return path


@asynccontextmanager
async def working(client: Client) -> AsyncIterator[str]:
    """A worker in this process; gives its task queue."""
    own = Client(
        client.service_client, namespace=client.namespace, plugins=[CrossoverPlugin(log_format=None)]
    )
    queue = f"extractor-{uuid.uuid4()}"
    with ThreadPoolExecutor(4) as threads:
        async with Worker(
            own, task_queue=queue, workflows=[ExtractMetadata], activities=ALL, activity_executor=threads
        ):
            yield queue


@asynccontextmanager
async def worker_process(client: Client, queue: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The worker as its own program, ready."""
    settings = [f"TEMPORAL_ADDRESS={client.service_client.config.target_host}", f"TASK_QUEUE={queue}"]
    process = await asyncio.create_subprocess_exec(
        "env",
        *settings,
        sys.executable,
        "-m",
        "examples.metadata_extractor.worker",
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            line = await process.stdout.readline()
        assert line.startswith(b"worker ready: task queue " + queue.encode())
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        async with asyncio.timeout(PATIENCE):
            await process.communicate()


async def start(client: Client, queue: str, **input: Any) -> WorkflowHandle[Any, Any]:
    return await client.start_workflow(
        "ExtractMetadata", input, id=f"extract-{uuid.uuid4()}", task_queue=queue
    )


async def until(condition: Callable[[], Awaitable[T]], seconds: float = PATIENCE) -> T:
    """Poll `condition` until what it finds is truthy, and give that."""
    async with asyncio.timeout(seconds):
        while True:
            if found := await condition():
                return found
            await asyncio.sleep(0.02)


def contents(output: Path) -> dict[str, bytes]:
    """Every file below `output`, hidden ones too."""
    return {str(p.relative_to(output)): p.read_bytes() for p in sorted(output.rglob("*")) if p.is_file()}
