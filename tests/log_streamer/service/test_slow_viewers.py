"""Viewers that read slowly or not at all cost the others nothing, and know what they lost."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import datetime
from pathlib import Path

import psutil

from testbed.feed_checker import Checker
from tests.log_streamer.service.scene import Trace, assert_whole, served, until
from tests.log_streamer.service.viewer import Event, Viewer, watching


class Latencies:
    """Seconds from a line's timestamp to its arrival."""

    def __init__(self, checker: Checker) -> None:
        self.seconds: list[float] = []
        self._checker = checker

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def take(self, event: Event) -> None:
        if event["event"] == "log" and event["seq"] % 50 == 0:
            self.seconds.append(time.time() - datetime.fromisoformat(event["ts"]).timestamp())
        self._checker.take(event)


async def test_viewers_that_stop_reading_are_cut_and_cost_the_others_no_line(
    trace: Trace, tmp_path: Path
) -> None:
    pods = [await trace.step(name) for name in "ab"]
    trace.expected |= {f"{pod}/main": range(6000) for pod in pods}
    checkers = [trace.checker(floor=12_000) for _ in range(3)]
    settings = {"send_timeout": 1, "history_lines": 2000, "linger": 0}
    async with served(tmp_path / "log", trace.server, **settings) as streamer:
        assert streamer.program.process is not None
        process = psutil.Process(streamer.program.process.pid)
        latencies = [Latencies(checker) for checker in checkers]
        stalled = [Viewer(streamer.port, trace.id, buffer=4096) for _ in range(5)]
        brisk = [Viewer(streamer.port, trace.id, take=each.take) for each in latencies]
        async with watching(*brisk, *stalled):
            for pod in pods:
                await trace.writes(pod, 2000, 2000, end=False)
            await asyncio.gather(*(viewer.reads(4000) for viewer in brisk))
            for pod in pods:
                await trace.writes(pod, 4000, 2000, start=2000)
            await asyncio.gather(trace.ends(), *(viewer.to_end() for viewer in brisk))

            async def nothing_is_left() -> bool:
                own = [one for one in process.net_connections() if one.laddr.port == streamer.port]
                return len(own) <= 2 + len(brisk) and await streamer.metric("crossover_streams") == 0

            await until(nothing_is_left, within=10)
    for checker in checkers:
        assert_whole(checker)
    print(f"seconds from line to viewer, beside five that stall: {latencies[0].median:.3f}")


COUNT = 7_000
LENGTH = 8000
"""So long that neither end's socket holds much of it."""


async def test_a_viewer_that_reads_slowly_knows_exactly_how_much_it_lost(
    trace: Trace, tmp_path: Path
) -> None:
    pod = await trace.step(rotate_bytes=1 << 30)
    slow_one = Checker(trace.id, {f"{pod}/main": range(COUNT)}, floor=300)
    whole = Checker(trace.id, {f"{pod}/main": range(COUNT)}, floor=COUNT)
    async with served(tmp_path / "log", trace.server, history_lines=200) as streamer:
        slow = Viewer(streamer.port, trace.id, take=slow_one.take, buffer=8192)
        brisk = Viewer(streamer.port, trace.id, take=whole.take)
        async with watching(slow, brisk):
            await trace.writes(pod, COUNT, 2000, length=LENGTH)
            watched = asyncio.create_task(brisk.to_end())
            while brisk.lines < 0.9 * COUNT:
                assert await slow.events()
                await asyncio.sleep(0.25)
            await asyncio.gather(watched, slow.to_end(), trace.ends())
    assert_whole(whole)
    verdict = slow_one.verdict()
    assert verdict.green, str(verdict)
    assert {gap["reason"] for gap in slow.gaps} == {"too_slow"}
    assert sum(gap["lost"] for gap in slow.gaps) == verdict.gapped == COUNT - slow.lines


async def test_a_viewer_that_goes_on_losing_lines_is_sent_away_and_can_come_back(
    trace: Trace, tmp_path: Path
) -> None:
    pod = await trace.step(rotate_bytes=1 << 30)
    checker = Checker(trace.id, {f"{pod}/main": range(COUNT)}, floor=300)
    async with served(tmp_path / "log", trace.server, history_lines=200, slow_limit=0.5) as streamer:
        slow = Viewer(streamer.port, trace.id, take=checker.take, buffer=8192)
        brisk = Viewer(streamer.port, trace.id)
        async with watching(slow, brisk):
            await trace.writes(pod, COUNT, 2000, length=LENGTH)
            watched = asyncio.create_task(brisk.to_end())
            async with asyncio.timeout(20):
                while not await streamer.metric("crossover_stream_ends_total"):
                    assert await slow.events()
                    await asyncio.sleep(0.5)
            await slow.to_end()
            assert slow.end is not None
            assert slow.end["reason"] == "too_slow"
            back = Viewer(streamer.port, trace.id, cursor=slow.cursor, take=checker.take)
            async with watching(back):
                await asyncio.gather(watched, back.to_end(), trace.ends())
    verdict = checker.verdict()
    assert verdict.green, str(verdict)
    assert verdict.gapped == sum(gap["lost"] for gap in slow.gaps)
    assert not back.gaps
