"""Many viewers of one trace share one follow per log, and each has a feed of its own."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

from testbed.feed_checker import Checker
from testbed.pod_logs import PodLogServer
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import WORKERS, Trace, assert_whole, served
from tests.log_streamer.service.viewer import Viewer, watching


async def test_fifty_viewers_who_join_at_different_moments_get_every_line_once_from_one_follow(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    trace = await Trace.begun(own_server)
    pods = [await trace.step(name) for name in "ab"]
    worker = await trace.worker()
    follows: set[int] = set()
    joined = 0

    async def join(checker: Checker) -> None:
        nonlocal joined
        await asyncio.sleep(random.uniform(0, 3))
        async with Viewer(port, trace.id, take=checker.take) as viewer:
            await viewer.reads(1)
            joined += 1
            await viewer.to_end()

    async def look() -> None:
        """The steps end only once everybody is there."""
        while joined < 50:
            follows.add((await trace.server.stats())["open_follows"])
            await asyncio.sleep(0.05)
        follows.add((await trace.server.stats())["open_follows"])
        await trace.is_written()
        for pod in pods:
            await trace.writes(pod, 100, start=1500)
        await trace.ends()

    async with served(tmp_path / "log", own_server, streams_per_principal=50, **WORKERS) as streamer:
        port = streamer.port
        trace.expected |= {f"{pod}/main": range(1600) for pod in pods}
        await trace.works(worker, 1000, 300, every=3)
        checkers = [trace.checker(floor=4200) for _ in range(50)]
        for pod in pods:
            await trace.writes(pod, 1500, 500, end=False)
        await asyncio.gather(look(), *map(join, checkers))
    for checker in checkers:
        assert_whole(checker)
    assert 1 <= max(follows) <= 3


async def test_viewers_with_wishes_of_their_own_do_not_change_what_others_get(
    streamer: LogStreamer, trace: Trace
) -> None:
    pods = [await trace.step(name) for name in "ab"]
    for pod in pods:
        await trace.wrote_before(pod, 1000, seconds=60)
    whole, half = (
        Checker(trace.id, {f"{pod}/main": range(3000) for pod in pods}, floor=6000),
        Checker(trace.id, {f"{pods[0]}/main": None, f"{pods[1]}/main": None}),
    )
    few = Checker(trace.id, {f"{pods[0]}/main": None, f"{pods[1]}/main": None}, floor=100)
    async with watching(
        Viewer(streamer.port, trace.id, since="30s", take=half.take),
        Viewer(streamer.port, trace.id, take=whole.take),
    ) as (since, everything):
        await everything.reads(2000)  # what was before: a tail is counted from there
        async with watching(
            Viewer(streamer.port, trace.id, tail=5, take=few.take),
            Viewer(streamer.port, trace.id, grep="n=(5|77|1234|2999) "),
            Viewer(streamer.port, trace.id, source="worker"),
        ) as (tail, grep, none):
            for pod in pods:
                await trace.writes(pod, 2000, 1000, start=1000)
            viewers = (since, everything, tail, grep, none)
            await asyncio.gather(trace.ends(), *(viewer.to_end() for viewer in viewers))
    assert_whole(whole)
    for checker in (half, few):
        assert checker.verdict().green, str(checker.verdict())
    assert since.lines == 4000
    assert 4000 <= tail.lines <= 4005
    assert (grep.lines, none.lines) == (8, 0)


async def test_one_who_wants_all_joins_one_who_wanted_only_what_is_new(
    streamer: LogStreamer, trace: Trace
) -> None:
    pod = await trace.step()
    await trace.wrote_before(pod, 3000, seconds=60)
    async with Viewer(streamer.port, trace.id, since="10s") as first:
        await trace.writes(pod, 3000, 1500, start=3000)
        checker = Checker(trace.id, {f"{pod}/main": range(6000)}, floor=6000)
        await first.reads(300)
        async with Viewer(streamer.port, trace.id, take=checker.take) as second:
            await asyncio.gather(first.to_end(), second.to_end(), trace.ends())
    assert_whole(checker)
    assert first.lines == 3000
