"""What the services hold while nothing happens, and how soon the bridge is ready, beside first versions."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from bench.figures import Figure, figure
from bench.rig import start_body
from testbed.pod_logs import PodLogServer
from testbed.ports import free_port
from testbed.redis import RedisServer
from testbed.servers import BIN, Program, TemporalServer

STARTS = 5
SETTLED = 10.0
"""Seconds of idleness after the work."""
TRACE = "bench"

Work = Callable[[httpx.AsyncClient], Awaitable[None]]


@dataclass(frozen=True)
class Side:
    """A service or its peer: how it is started, and the one thing that it does before it is idle."""

    args: list[str]
    env: Mapping[str, str]
    work: Work

    async def idle(self, settled: float = SETTLED) -> tuple[float, float]:
        """Seconds from its exec until it is ready, and the megabytes that it holds when it is idle again."""
        port = free_port()
        ports = dict.fromkeys(("PORT", *_PORTS), str(port))
        began = time.perf_counter()
        program = Program(self.args, {**self.env, **ports})
        async with program, httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
            await _ready(http, program)
            seconds = time.perf_counter() - began
            await self.work(http)
            await asyncio.sleep(settled)
            assert program.process is not None
            return seconds, psutil.Process(program.process.pid).memory_info().rss / 1e6

    async def median(self) -> tuple[float, float]:
        """Of some starts; one more before them leaves compiled modules, as an image holds them."""
        await self.idle(settled=0)
        seconds, megabytes = zip(*[await self.idle() for _ in range(STARTS)], strict=True)
        return statistics.median(seconds), statistics.median(megabytes)


_PORTS = ("CROSSOVER_BRIDGE_LISTEN_PORT", "CROSSOVER_LOG_STREAMER_LISTEN_PORT")


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as home:
        compiled = {"PYTHONPYCACHEPREFIX": home, "PYTHONDONTWRITEBYTECODE": ""}
        async with TemporalServer.started() as temporal, RedisServer() as redis:
            bridges = await _bridges(temporal.address, redis.url, compiled)
            async with PodLogServer.started(Path(home) / "pods.log") as pods:
                streamers = await _streamers(pods, redis.url, compiled)
    return [*bridges, *streamers]


async def _bridges(temporal: str, redis: str, env: Mapping[str, str]) -> list[Figure]:
    clients = {"TEMPORAL_ADDRESS": temporal, "REDIS_URL": redis}
    own = {f"CROSSOVER_BRIDGE_{name}": value for name, value in clients.items()}
    ready, megabytes = await Side(_service("bridge"), {**env, **own}, _start_a_run).median()
    beside = Side([sys.executable, "-m", "bench.naive_bridge"], {**env, **clients}, _start_a_run)
    peer_ready, peer_megabytes = await beside.median()
    peer = "FastAPI with temporalio's and redis-py's clients"
    return [
        figure("bridge_idle_mb", megabytes, "MB", "<= 120", peer=peer, peer_value=peer_megabytes),
        figure("bridge_ready_s", ready, "s", "<= 3", peer=peer, peer_value=peer_ready),
    ]


async def _streamers(pods: PodLogServer, redis: str, env: Mapping[str, str]) -> list[Figure]:
    await _a_trace(pods)
    own = {"CROSSOVER_LOG_STREAMER_KUBERNETES": pods.url, "CROSSOVER_LOG_STREAMER_REDIS_URL": redis}
    side = Side(_service("log-streamer"), {**env, **own}, _read_a_trace)
    clients = {"NAIVE_API": pods.url, "REDIS_URL": redis}
    beside = Side([sys.executable, "-m", "bench.naive_streamer"], {**env, **clients}, _read_a_trace)
    (_, megabytes), (_, peer_megabytes) = await asyncio.gather(side.median(), beside.median())
    peer = "FastAPI with Kubernetes' and redis-py's clients"
    return [figure("streamer_idle_mb", megabytes, "MB", "<= 120", peer=peer, peer_value=peer_megabytes)]


def _service(name: str) -> list[str]:
    return [str(BIN / "crossover"), name, "serve"]


async def _ready(http: httpx.AsyncClient, program: Program) -> None:
    async with asyncio.timeout(60):
        while True:
            assert program.running
            try:
                if (await http.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.02)


async def _start_a_run(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/runs", json=start_body(), timeout=30)
    assert reply.status_code == 201, reply.text


async def _a_trace(pods: PodLogServer) -> None:
    about = {"name": TRACE, "namespace": "argo", "uid": TRACE}
    times = {"startedAt": "2026-11-21T00:00:00Z", "finishedAt": "2026-11-21T00:01:00Z"}
    await pods.workflow({"metadata": about, "status": {"phase": "Succeeded", "nodes": {}, **times}})
    await pods.pod(f"{TRACE}-0", namespace="argo", labels={"workflows.argoproj.io/workflow": TRACE})
    await pods.append(f"{TRACE}-0", [b"line %d" % n for n in range(100)], namespace="argo")


async def _read_a_trace(http: httpx.AsyncClient) -> None:
    reply = await http.get(f"/v1/logs/{TRACE}", params={"follow": "false"}, timeout=30)
    assert reply.status_code == 200, reply.text
    assert "line 99" in reply.text, reply.text
