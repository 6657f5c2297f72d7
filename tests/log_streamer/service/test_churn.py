"""Streams that come and go at random moments leave nothing behind."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from testbed.pod_logs import PodLogServer
from testbed.redis import RedisServer
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import WORKERS, Trace, served, until
from tests.log_streamer.service.viewer import Refused, Viewer

FULL = int(os.environ.get("CROSSOVER_FAULTS", "0"))
GAUGES = ("crossover_streams", "crossover_feeds", "crossover_follows")


@pytest.mark.faults
@pytest.mark.timeout(3000 if FULL else 300)
async def test_five_thousand_streams_leave_nothing_behind(own_server: PodLogServer, tmp_path: Path) -> None:
    await _churn(own_server, tmp_path, 5000 if FULL else 300)


async def test_a_thousand_streams_leave_nothing_behind(own_server: PodLogServer, tmp_path: Path) -> None:
    await _churn(own_server, tmp_path, 1000)


async def _churn(server: PodLogServer, tmp_path: Path, streams: int) -> None:
    chance = random.Random()
    traces = [await Trace.begun(server) for _ in range(5)]
    for trace in traces:
        for pod in [await trace.step(name) for name in "ab"]:
            await trace.writes(pod, 40_000, 40, end=False)
    watched = traces[0]
    await watched.worker()
    limits = dict.fromkeys(("streams_per_principal", "streams_per_tenant", "streams_per_cluster"), 100)
    async with (
        RedisServer() as redis,
        served(
            tmp_path / "log", server, redis_url=redis.url, history_lines=500, **limits, **WORKERS
        ) as streamer,
    ):
        assert streamer.program.process is not None
        process = psutil.Process(streamer.program.process.pid)
        async with Viewer(streamer.port, watched.id) as first:
            await first.reads(1)
        await until(lambda: _is_idle(streamer))
        before = _files(process, redis)

        async def some(let_in: int) -> None:
            while let_in:
                if await _one(streamer, chance.choice(traces).id, chance):
                    await asyncio.sleep(0.05)  # too many at once: some are still being let go of
                else:
                    let_in -= 1

        async def nothing_is_read() -> bool:
            stats = await server.stats()
            return (stats["open_reads"], stats["open_watches"]) == (0, 0)

        async def no_slot_is_taken() -> bool:
            return await redis.command("DBSIZE") == b":0\r\n"

        await asyncio.gather(*(some(streams // 40) for _ in range(40)))
        await until(lambda: _is_idle(streamer))
        await until(_holds(lambda: _files(process, redis) <= before))  # idle connections of a pool live 15 s
        await until(nothing_is_read)
        await until(no_slot_is_taken)


def _holds(condition: Callable[[], bool]) -> Callable[[], asyncio.Future[bool]]:
    async def look() -> bool:
        return condition()

    return lambda: asyncio.ensure_future(look())


def _files(process: psutil.Process, redis: RedisServer) -> int:
    """Open files, but for the pool of connections to Redis, which has a limit of its own."""
    pool = [one for one in process.net_connections() if one.raddr[1:] == (redis.port,)]
    assert len(pool) <= 20
    return process.num_fds() - len(pool)


async def _is_idle(streamer: LogStreamer) -> bool:
    return not any([await streamer.metric(name) for name in GAUGES])


async def _one(streamer: LogStreamer, trace: str, chance: random.Random) -> bool:
    """Opened, read or not, and dropped; whether it was refused."""
    wishes = chance.choice(({}, {"since": "1s"}, {"tail": 3}, {"follow": "false"}, {"grep": "n="}))
    name = "unknown" if chance.random() < 0.1 else trace
    viewer = Viewer(streamer.port, name, **wishes)
    opening = asyncio.ensure_future(viewer.open())
    try:
        async with asyncio.timeout(chance.choice((0.001, 0.02, 0.1, 5))):
            await opening
            if chance.random() < 0.7:
                await viewer.to_end(within=chance.uniform(0.001, 0.3))
    except TimeoutError:
        pass
    except Refused as refused:
        if refused.status not in (404, 429):
            raise
        return refused.status == 429
    finally:
        await viewer.close()
    return False
