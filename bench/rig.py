"""What most benchmarks need: a Temporal, a bridge, a worker in a process of its own, and many runs."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import tempfile
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from temporalio.client import Client

from bench.raw_http import RawHttp
from testbed.servers import Bridge, Program, TemporalServer

QUEUE = "bench"


@dataclass
class Rig:
    temporal: TemporalServer
    bridge: Bridge
    client: Client

    @property
    def bridge_process(self) -> psutil.Process:
        assert self.bridge.program.process is not None
        return psutil.Process(self.bridge.program.process.pid)

    async def temporal_calls(self) -> float:
        return await self.bridge.metric("crossover_temporal_calls_total")


@asynccontextmanager
async def rigged(**settings: Any) -> AsyncGenerator[Rig, None]:
    """Everything up; ends all of it."""
    raise_file_limit()
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "bridge.log"
        async with TemporalServer.started() as temporal:
            worker = Program([sys.executable, "-m", "bench.worker"], {"TEMPORAL_ADDRESS": temporal.address})
            async with worker, Bridge(temporal.address, log, log_level="warning", **settings) as bridge:
                client = await Client.connect(temporal.address)
                yield Rig(temporal, bridge, client)


def raise_file_limit() -> None:
    """Thousands of sockets; children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, hard), hard))


def start_body(workflow_type: str = "Hold") -> dict[str, Any]:
    name = f"b-{uuid.uuid4().hex[:12]}"
    argo = {"namespace": "argo", "workflow": name, "uid": name, "node_name": f"{name}.x"}
    return {"workflow_type": workflow_type, "task_queue": QUEUE, "input": {"n": 1}, "argo": argo}


async def start_runs(rig: Rig, count: int, at_once: int = 32) -> list[str]:
    """Run ids of `count` runs that wait for a signal."""
    runs: list[str] = []

    async def some(share: int) -> None:
        http = RawHttp(rig.bridge.port)
        for _ in range(share):
            status, view = await http.post("/v1/runs", start_body())
            assert status == 201, view
            runs.append(view["id"])
        await http.close()

    await asyncio.gather(*(some(count // at_once + (n < count % at_once)) for n in range(at_once)))
    return runs


def leave(code: int) -> None:
    """temporalio's core may crash a process that ends (temporalio/sdk-python#300)."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
