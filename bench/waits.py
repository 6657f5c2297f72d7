"""Waiting: how soon a close is noticed, and what 500, 1,000 and 5,000 waiting clients cost."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import datetime

from temporalio.client import WorkflowExecutionStatus

from bench.figures import Figure, figure, percentile
from bench.raw_http import RawHttp
from bench.rig import Rig, rigged, start_runs
from bench.steps import peer_resident

STEADY = 40.0
"""Seconds over which calls are counted: two rounds of the long polls, which Temporal ends every 20 s."""


class Waiters:
    """One client per run: waits as the step command does, and notes how late it was told."""

    def __init__(self, rig: Rig, runs: list[str]) -> None:
        self._rig = rig
        self.delays: dict[str, float] = {}
        self._tasks = [asyncio.create_task(self._wait(run)) for run in runs]

    async def _wait(self, run: str) -> None:
        http = RawHttp(self._rig.bridge.port)
        while True:
            status, view = await http.get(f"/v1/runs/{run}?wait=30s")
            if status == 200 and view["exit_code"] is not None:
                self.delays[run] = time.time() - datetime.fromisoformat(view["closed_at"]).timestamp()
                break
        await http.close()

    async def settled(self, count: int) -> None:
        """Once the bridge holds `count` waiting clients."""
        async with asyncio.timeout(120):
            while await self._rig.bridge.metric("crossover_waiting_clients") < count:
                await asyncio.sleep(0.2)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def release(rig: Rig, runs: list[str], per_second: float) -> None:
    """Tells the runs to end, evenly spread."""
    for run in runs:
        await rig.client.get_workflow_handle(run).signal("release")
        await asyncio.sleep(1 / per_second)


async def all_told(waiters: Waiters, runs: list[str]) -> list[float]:
    async with asyncio.timeout(90):
        while not waiters.delays.keys() >= set(runs):
            await asyncio.sleep(0.1)
    return [waiters.delays[run] * 1000 for run in runs]


async def polled(rig: Rig, runs: list[str], per_second: float) -> tuple[list[float], float]:
    """The peer: describe every run every second. Its delays in ms, and the calls per second it made."""
    delays: list[float] = []
    calls = 0
    left = dict.fromkeys(runs)

    async def watch(run: str) -> None:
        nonlocal calls
        handle = rig.client.get_workflow_handle(run)
        await asyncio.sleep(random.random())
        while run in left:
            seen = await handle.describe()
            calls += 1
            if seen.status is not WorkflowExecutionStatus.RUNNING and seen.close_time is not None:
                delays.append((time.time() - seen.close_time.timestamp()) * 1000)
                return
            await asyncio.sleep(1)

    tasks = [asyncio.create_task(watch(run)) for run in runs]
    began = time.monotonic()
    await asyncio.sleep(5)
    rate = calls / (time.monotonic() - began)
    await release(rig, runs[: min(len(runs), 300)], per_second)
    async with asyncio.timeout(120):
        while len(delays) < min(len(runs), 300):
            await asyncio.sleep(0.1)
    left.clear()
    await asyncio.gather(*tasks)
    return delays, rate


async def measure_500() -> list[Figure]:
    async with rigged() as rig:
        runs = await start_runs(rig, 500)
        waiters = Waiters(rig, runs)
        await waiters.settled(500)
        await asyncio.sleep(3)
        await release(rig, runs, per_second=40)
        delays = await all_told(waiters, runs)
        await waiters.end()
        peer_delays, _ = await polled(rig, await start_runs(rig, 500), per_second=40)
    peer = "describe every second"
    return [
        figure(
            "notify_500_p50_ms",
            percentile(delays, 0.5),
            "ms",
            "<= 25",
            peer=peer,
            peer_value=percentile(peer_delays, 0.5),
        ),
        figure(
            "notify_500_p99_ms",
            percentile(delays, 0.99),
            "ms",
            "<= 150",
            peer=peer,
            peer_value=percentile(peer_delays, 0.99),
        ),
    ]


async def measure_5000() -> list[Figure]:
    async with rigged() as rig:
        runs = await start_runs(rig, 5000)
        await asyncio.sleep(15)  # watches of the starts linger ten seconds: they are not the clients' cost
        resident = rig.bridge_process.memory_info().rss
        first = Waiters(rig, runs[:1000])
        await first.settled(1000)
        calls_1000 = await _calls_per_second(rig)
        rest = Waiters(rig, runs[1000:])
        await rest.settled(4990)
        calls_5000 = await _calls_per_second(rig)
        kilobytes = (rig.bridge_process.memory_info().rss - resident) / 5000 / 1024
        released = random.sample(runs[1000:], 600)
        await release(rig, released, per_second=30)
        delays = await all_told(rest, released)
        await first.end()
        await rest.end()
        peer_delays, peer_calls = await polled(rig, runs[:1000], per_second=30)
        process = await peer_resident(rig)
    peer = "describe every second, 1,000 runs"
    return [
        figure("waits_5000_calls_per_s", calls_5000, "1/s", "<= 40", peer=peer, peer_value=peer_calls),
        figure("waits_1000_calls_per_s", calls_1000, "1/s", "<= 40", peer=peer, peer_value=peer_calls),
        figure(
            "waits_5000_kb_per_client",
            kilobytes,
            "KB",
            "<= 60",
            peer="a process with a temporalio client each",
            peer_value=process * 1000,
        ),
        figure(
            "waits_5000_notify_p99_ms",
            percentile(delays, 0.99),
            "ms",
            "<= 2000",
            peer=peer,
            peer_value=percentile(peer_delays, 0.99),
        ),
        figure(
            "waits_5000_notify_p50_ms",
            percentile(delays, 0.5),
            "ms",
            "<= 2000",
            peer=peer,
            peer_value=percentile(peer_delays, 0.5),
        ),
    ]


async def _calls_per_second(rig: Rig) -> float:
    """Over a steady half minute: the first look at each run is behind."""
    await asyncio.sleep(12)
    before, began = await rig.temporal_calls(), time.monotonic()
    await asyncio.sleep(STEADY)
    return (await rig.temporal_calls() - before) / (time.monotonic() - began)
