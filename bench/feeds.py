"""The log feed, end to end, beside the reader that one writes first (`bench.naive_reader`)."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.figures import Figure, figure
from bench.rig import raise_file_limit
from testbed.pod_log_writer import Writing
from testbed.pod_logs import PodLogServer
from testbed.ports import free_port
from testbed.servers import LogStreamer, Program, until_open

TRACE = "bench"
PODS = 4
LINES = 10_000_000
NAIVE_LINES = 200_000
VIEWERS = 200
NAIVE_VIEWERS = 20
RATE = 1000
SECONDS = 20.0
WITHIN = 400.0
"""Seconds for a client to end by itself."""


@dataclass
class Rig:
    server: PodLogServer
    url: str
    process: psutil.Process

    async def write(self, pods: list[str], count: int, rate: float = 0.0, *, end: bool = True) -> None:
        for pod in pods:
            writing = Writing(source=f"{pod}/main", count=count, rate=rate, wait=not rate)
            await self.server.write(pod, writing, namespace="argo", end=end)

    async def finish(self) -> None:
        """Once everything is written, the workflow is over."""
        async with asyncio.timeout(WITHIN):
            while (await self.server.stats())["writers"]:
                await asyncio.sleep(0.2)
        await self.server.workflow(_workflow("Succeeded"))


@asynccontextmanager
async def rigged(pods: list[str], *, naive: bool = False, **settings: Any) -> AsyncGenerator[Rig, None]:
    """A pod-log server with empty pods, and a service (or its naive peer) that reads from it."""
    raise_file_limit()
    with tempfile.TemporaryDirectory() as home:
        async with PodLogServer.started() as server:
            await server.workflow(_workflow("Running"))
            for pod in pods:
                await server.pod(pod, namespace="argo", labels={"workflows.argoproj.io/workflow": TRACE})
            async with _naive(server) if naive else _service(server, Path(home), settings) as rig:
                yield rig


@asynccontextmanager
async def _service(server: PodLogServer, home: Path, settings: dict[str, Any]) -> AsyncGenerator[Rig, None]:
    wide = {"max_lines": 10**9, "streams_per_principal": 1000, "streams_per_tenant": 1000, **settings}
    async with LogStreamer(home / "log", kubernetes=server.url, log_level="warning", **wide) as service:
        assert service.program.process is not None
        yield Rig(server, service.url, psutil.Process(service.program.process.pid))


@asynccontextmanager
async def _naive(server: PodLogServer) -> AsyncGenerator[Rig, None]:
    port = free_port()
    program = Program([sys.executable, "-m", "bench.naive_reader", str(port)], {"NAIVE_API": server.url})
    async with program:
        await until_open(port)
        assert program.process is not None
        yield Rig(server, f"http://127.0.0.1:{port}", psutil.Process(program.process.pid))


def _workflow(phase: str) -> dict[str, Any]:
    started = "2026-01-01T00:00:00Z"
    status = {"phase": phase, "startedAt": started, "nodes": {}}
    return {"metadata": {"name": TRACE, "namespace": "argo", "uid": "u"}, "status": status}


class Client:
    """`bench.feed_client` as a process of its own: its work must not slow the service's down."""

    def __init__(self, rig: Rig, *options: str) -> None:
        self._args = [sys.executable, "-m", "bench.feed_client", f"{rig.url}/v1/logs/{TRACE}", *options]

    async def start(self) -> None:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._args, stdout=pipe)

    async def report(self) -> dict[str, Any]:
        out, _ = await asyncio.wait_for(self._process.communicate(), WITHIN)
        return dict(json.loads(out))


async def until_followed(rig: Rig, reads: int) -> None:
    async with asyncio.timeout(60):
        while (await rig.server.stats())["open_follows"] < reads:
            await asyncio.sleep(0.1)


async def measure_throughput() -> list[Figure]:
    """Ten million lines from four pods through the merge to one client that checks each of them."""
    pods = [f"pod-{n}" for n in range(PODS)]
    async with rigged(pods) as rig:
        client = Client(rig, *(f"--expect={pod}/main={LINES // PODS}" for pod in pods))
        await client.start()
        await until_followed(rig, PODS)
        await rig.write(pods, LINES // PODS)
        growth = asyncio.create_task(_growth(rig.process))
        await rig.finish()
        report = await client.report()
        grown = await growth
    assert report["green"], report
    naive = await _naive_throughput(pods)
    rate = report["lines"] / report["seconds"]
    return [
        figure("feed_lines_per_s", rate, "lines/s", ">= 100000", peer="naive reader", peer_value=naive),
        figure("feed_rss_growth_mb", grown, "MB", "<= 20"),
    ]


async def _growth(process: psutil.Process) -> float:
    """Megabytes between the time when buffers have filled and the end."""
    await asyncio.sleep(8)
    early = [await _resident(process) for _ in range(5)]
    late = early
    while process.is_running() and process.cpu_percent(0.2) > 5:
        late = [*late[1:], await _resident(process)]
    return (statistics.median(late) - statistics.median(early)) / 1e6


async def _resident(process: psutil.Process) -> float:
    await asyncio.sleep(0.5)
    return float(process.memory_info().rss)


async def _naive_throughput(pods: list[str]) -> float:
    async with rigged(pods, naive=True) as rig:
        client = Client(rig)
        await client.start()
        await until_followed(rig, PODS)
        await rig.write(pods, NAIVE_LINES // PODS)
        await rig.finish()
        report = await client.report()
    return float(report["lines"] / report["seconds"])


async def measure_viewers() -> list[Figure]:
    """Two hundred viewers of one trace that writes a thousand lines a second."""
    own, follows = await _viewers_cost(VIEWERS, naive=False)
    naive, naive_follows = await _viewers_cost(NAIVE_VIEWERS, naive=True)
    return [
        figure(
            "feed_200_viewers_core_pct",
            own,
            "%",
            "<= 40",
            peer=f"naive reader with {NAIVE_VIEWERS} viewers",
            peer_value=naive,
        ),
        figure(
            "feed_200_viewers_follows",
            follows,
            "follows",
            f"<= {PODS}",
            peer=f"naive reader with {NAIVE_VIEWERS} viewers",
            peer_value=naive_follows,
        ),
    ]


async def _viewers_cost(viewers: int, *, naive: bool) -> tuple[float, float]:
    pods = [f"pod-{n}" for n in range(PODS)]
    async with rigged(pods, naive=naive) as rig:
        client = Client(rig, f"--viewers={viewers}")
        await client.start()
        await until_followed(rig, PODS * (viewers if naive else 1))
        await rig.write(pods, int(RATE / PODS * (SECONDS + 8)), RATE / PODS)
        await asyncio.sleep(4)
        before, began = _cpu(rig.process), time.perf_counter()
        await asyncio.sleep(SECONDS)
        share = 100 * (_cpu(rig.process) - before) / (time.perf_counter() - began)
        follows = (await rig.server.stats())["open_follows"]
        await rig.finish()
        report = await client.report()
    assert set(report["others"]) <= {report["lines"]}, report
    return share, float(follows)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


async def measure_latency() -> list[Figure]:
    """From a line's timestamp to the client: among four pods of which one is silent, and from one alone."""
    many = await _latency(4, writing=3, naive=False)
    one = await _latency(1, writing=1, naive=False)
    naive = await _latency(4, writing=3, naive=True)
    peer = "naive reader, which does not merge"
    return [
        figure("feed_latency_p99_ms", many["p99_ms"], "ms", "<= 650", peer=peer, peer_value=naive["p99_ms"]),
        figure("feed_latency_p50_ms", many["p50_ms"], "ms", "", peer=peer, peer_value=naive["p50_ms"]),
        figure("feed_latency_single_p99_ms", one["p99_ms"], "ms", "<= 150"),
    ]


async def _latency(count: int, *, writing: int, naive: bool) -> dict[str, Any]:
    pods = [f"pod-{n}" for n in range(count)]
    async with rigged(pods, naive=naive) as rig:
        client = Client(rig, "--latencies")
        await client.start()
        await until_followed(rig, count)
        await asyncio.sleep(1)
        await rig.write(pods[:writing], int(100 * SECONDS), 100)
        await asyncio.sleep(SECONDS)
        for pod in pods[writing:]:
            await rig.server.end(pod, namespace="argo")
        await rig.finish()
        return await client.report()
