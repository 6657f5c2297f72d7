"""The step command: how soon it starts and what it holds while it waits, beside a temporalio client."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import psutil

from bench.figures import Figure, figure
from bench.rig import QUEUE, Rig, rigged, start_body
from testbed.servers import BIN, Program

STARTS = 20
SETTLED = 5.0
"""Seconds after which a waiting process has loaded all it needs."""

PEER_WAIT = """
import asyncio, sys
from temporalio.client import Client
async def main():
    client = await Client.connect(sys.argv[1])
    handle = await client.start_workflow("Hold", {"n": 1}, id="peer", task_queue="bench")
    await handle.result()
asyncio.run(main())
"""


async def measure() -> list[Figure]:
    helps, imports = [], []
    for _ in range(STARTS):
        helps.append(await _wall([str(BIN / "crossover"), "step", "run", "--help"]))
        imports.append(await _wall([sys.executable, "-c", "import temporalio.client"]))
    step, peer = await _resident()
    return [
        figure(
            "step_start_ms",
            statistics.median(helps) * 1000,
            "ms",
            "<= 150",
            peer="python -c 'import temporalio.client'",
            peer_value=statistics.median(imports) * 1000,
        ),
        figure("step_rss_mb", step, "MB", "<= 40", peer="a temporalio client waiting", peer_value=peer),
    ]


async def _wall(args: list[str]) -> float:
    program = Program(args)
    began = time.perf_counter()
    await program.start()
    await program.wait(within=30)
    return time.perf_counter() - began


async def _resident() -> tuple[float, float]:
    async with rigged() as rig:
        argo = start_body()["argo"]
        env = {f"CROSSOVER_ARGO_{key.upper()}": str(argo[name]) for key, name in _ARGO.items()}
        step = Program([str(BIN / "crossover"), *_STEP, "--url", rig.bridge.url, "--task-queue", QUEUE], env)
        async with step:
            await asyncio.sleep(SETTLED)
            assert step.running
            return _megabytes(step), await peer_resident(rig)


async def peer_resident(rig: Rig) -> float:
    """Megabytes of a process that waits for one run with temporalio's own client."""
    peer = Program([sys.executable, "-c", PEER_WAIT, rig.temporal.address])
    async with peer:
        await asyncio.sleep(SETTLED)
        assert peer.running
        return _megabytes(peer)


_STEP = ("step", "run", "--workflow-type", "Hold", "--input", '{"n": 1}')
_ARGO = {"namespace": "namespace", "workflow": "workflow", "uid": "uid", "node": "node_name"}


def _megabytes(program: Program) -> float:
    assert program.process is not None
    return float(psutil.Process(program.process.pid).memory_info().rss) / 1e6
