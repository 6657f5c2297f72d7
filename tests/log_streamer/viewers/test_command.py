"""`crossover logs` beside the real service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from testbed.servers import BIN, PATIENCE
from tests.log_streamer.viewers.conftest import Watched, workflow


@asynccontextmanager
async def command(watched: Watched, *options: str) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    pipe = asyncio.subprocess.PIPE
    args = [str(BIN / "crossover"), "logs", watched.name, "--url", watched.service.url, *options]
    process = await asyncio.create_subprocess_exec(*args, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def line_of(process: asyncio.subprocess.Process, word: str) -> str:
    """The next line of its output with `word` in it."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while line := (await process.stdout.readline()).decode():
            if word in line:
                return line
    raise AssertionError(f"no line with {word!r}")


@pytest.mark.parametrize(("phase", "code"), [("Succeeded", 0), ("Failed", 1), ("Error", 1)])
async def test_its_exit_code_tells_how_the_workflow_ended(watched: Watched, phase: str, code: int) -> None:
    await watched.write("first")
    async with command(watched) as process:
        assert "first" in await line_of(process, "first")
        await watched.write("second")
        assert "second" in await line_of(process, "second")
        await watched.over(phase)
        assert await asyncio.wait_for(process.wait(), PATIENCE) == code


async def test_it_goes_on_where_it_was_when_the_service_is_killed_and_comes_back(watched: Watched) -> None:
    async with command(watched, "--json") as process:
        await watched.write(*(f"line {n}" for n in range(50)))
        seen = [json.loads(await line_of(process, "line ")) for _ in range(50)]
        await watched.service.kill()
        await watched.write(*(f"line {n}" for n in range(50, 100)))
        await watched.service.start()
        seen += [json.loads(await line_of(process, "line ")) for _ in range(50)]
        await watched.over("Succeeded")
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
        assert process.stdout is not None
        rest = (await process.stdout.read()).decode()
    assert [record["msg"] for record in seen] == [f"line {n}" for n in range(100)]
    assert [record["seq"] for record in seen] == list(range(1, 101))
    assert "line " not in rest


async def test_an_unknown_trace_is_waited_for_until_it_begins(watched: Watched) -> None:
    await watched.server.delete_workflow("argo", watched.name)
    await watched.server.delete_pod(watched.name, "argo")
    async with command(watched, "--wait", "100s") as process:
        await asyncio.sleep(1)  # the command is asking by now; the trace begins later in any case
        await watched.server.workflow(workflow(watched.name, "Running"))
        labels = {"workflows.argoproj.io/workflow": watched.name}
        await watched.server.pod(watched.name, namespace="argo", labels=labels)
        await watched.write("here it is")
        assert "here it is" in await line_of(process, "here it is")


async def test_a_trace_that_nobody_knows_ends_it_with_1(watched: Watched) -> None:
    async with command(Watched(watched.server, watched.service, "wf-unknown"), "--wait", "0s") as process:
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 1
        assert process.stderr is not None
        assert "wf-unknown" in (await process.stderr.read()).decode()
