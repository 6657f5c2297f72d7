"""Starting through the bridge beside starting with the bare temporalio client."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from bench.figures import Figure, figure
from bench.raw_http import RawHttp
from bench.rig import QUEUE, Rig, rigged, start_body

AT_ONCE = 32
ROUNDS = 7
STARTS = 320
"""Starts per round and side; the sides take turns, so that a noisy minute hits both."""

Start = Callable[[], Awaitable[None]]


async def measure() -> list[Figure]:
    async with rigged() as rig:
        bridge_starts = [_through_bridge(rig) for _ in range(AT_ONCE)]
        bare_starts = [_bare(rig) for _ in range(AT_ONCE)]
        await _round(bridge_starts), await _round(bare_starts)  # warm
        rates, medians = [], []
        sides: tuple[list[float], list[float]] = ([], [])
        for _ in range(ROUNDS):
            rate, p50 = await _round(bridge_starts)
            bare_rate, bare_p50 = await _round(bare_starts)
            rates.append(rate / bare_rate)
            medians.append(p50 / bare_p50)
            sides[0].append(rate)
            sides[1].append(bare_rate)
    bare = "bare temporalio client"
    return [
        figure(
            "start_throughput_ratio",
            statistics.median(rates),
            "x",
            ">= 0.8",
            peer=f"{bare} = 1",
            peer_value=1,
        ),
        figure(
            "start_latency_p50_ratio",
            statistics.median(medians),
            "x",
            "<= 1.3",
            peer=f"{bare} = 1",
            peer_value=1,
        ),
        figure(
            "start_per_s",
            statistics.median(sides[0]),
            "1/s",
            "",
            peer=bare,
            peer_value=statistics.median(sides[1]),
        ),
    ]


async def _round(starts: list[Start]) -> tuple[float, float]:
    """Starts per second, and the median latency in seconds."""
    times: list[float] = []

    async def some(start: Start) -> None:
        for _ in range(STARTS // AT_ONCE):
            began = time.perf_counter()
            await start()
            times.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(some(start) for start in starts))
    return len(times) / (time.perf_counter() - began), statistics.median(times)


def _through_bridge(rig: Rig) -> Start:
    http = RawHttp(rig.bridge.port)

    async def start() -> None:
        status, view = await http.post("/v1/runs", start_body())
        assert status == 201, view

    return start


def _bare(rig: Rig) -> Start:
    async def start() -> None:
        body = start_body()
        await rig.client.start_workflow(
            "Hold", body["input"], id=f"bare/{body['argo']['uid']}", task_queue=QUEUE
        )

    return start
