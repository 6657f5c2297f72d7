"""Viewers that read slowly or not at all cost the others nothing, and know what they lost."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psutil

from testbed.feed_checker import Checker
from tests.log_streamer.service.scene import Trace, assert_whole, served, until
from tests.log_streamer.service.viewer import Event, Viewer, watching


async def test_viewers_that_stop_reading_are_cut_and_cost_the_others_no_line(
    trace: Trace, tmp_path: Path
) -> None:
    pods = [await trace.step(name) for name in "ab"]
    trace.expected |= {f"{pod}/main": range(6000) for pod in pods}
    checkers = [trace.checker(floor=12_000) for _ in range(3)]
    settings: dict[str, Any] = {"send_timeout": 5, "history_lines": 2000, "linger": 0, "window": 0.05}
    async with served(tmp_path / "log", trace.server, **settings) as streamer:
        assert streamer.program.process is not None
        process = psutil.Process(streamer.program.process.pid)
        stalled = [Viewer(streamer.port, trace.id, buffer=4096) for _ in range(5)]
        brisk = [Viewer(streamer.port, trace.id, take=checker.take) for checker in checkers]
        async with watching(*brisk, *stalled):
            await trace.writes_for(brisk, pods, range(6000), batch=400, end=True)
            await asyncio.gather(trace.ends(), *(viewer.to_end() for viewer in brisk))

            async def nothing_is_left() -> bool:
                own = [one for one in process.net_connections() if one.laddr.port == streamer.port]
                return len(own) <= 2 + len(brisk) and await streamer.metric("crossover_streams") == 0

            await until(nothing_is_left)
    for checker in checkers:
        assert_whole(checker)


COUNT = 7_000
LENGTH = 8000
"""So long that neither end's socket holds much of it."""


async def test_a_viewer_that_reads_slowly_knows_exactly_how_much_it_lost(
    trace: Trace, tmp_path: Path
) -> None:
    pod = await trace.step(rotate_bytes=1 << 30)
    slow_one = Checker(trace.id, {f"{pod}/main": range(COUNT)}, floor=300)
    whole = Checker(trace.id, {f"{pod}/main": range(COUNT)}, floor=COUNT)
    async with served(tmp_path / "log", trace.server, history_lines=200, slow_limit=3600) as streamer:
        slow = Viewer(streamer.port, trace.id, take=slow_one.take, buffer=8192)
        brisk = Viewer(streamer.port, trace.id, take=whole.take)
        async with watching(slow, brisk):
            for start in range(0, COUNT, 500):
                part = range(start, start + 500)
                await trace.writes_for([brisk], [pod], part, batch=100, end=part.stop == COUNT, length=LENGTH)
                assert await slow.events()
            await asyncio.gather(brisk.to_end(), slow.to_end(), trace.ends())
    assert_whole(whole)
    verdict = slow_one.verdict()
    assert verdict.green, str(verdict)
    assert {gap["reason"] for gap in slow.gaps} == {"too_slow"}
    assert sum(gap["lost"] for gap in slow.gaps) == verdict.gapped == COUNT - slow.lines


async def test_a_viewer_that_goes_on_losing_lines_is_sent_away_and_can_come_back(
    trace: Trace, tmp_path: Path
) -> None:
    pod = await trace.step(rotate_bytes=1 << 30)
    seen: list[Event] = []
    async with served(tmp_path / "log", trace.server, history_lines=200, slow_limit=0.5) as streamer:
        slow = Viewer(streamer.port, trace.id, take=seen.append, buffer=8192)
        brisk = Viewer(streamer.port, trace.id)
        async with watching(slow, brisk):
            written = 0
            while not await streamer.metric("crossover_stream_ends_total"):
                part = range(written, written + 500)
                await trace.writes_for([brisk], [pod], part, batch=100, length=LENGTH)
                assert await slow.events()
                written = part.stop
            await slow.to_end()
            assert slow.end is not None
            assert slow.end["reason"] == "too_slow"
            await trace.server.end(pod, namespace=trace.namespace)
            back = Viewer(streamer.port, trace.id, cursor=slow.cursor, take=seen.append)
            async with watching(back):
                await asyncio.gather(brisk.to_end(), back.to_end(), trace.ends())
    checker = Checker(trace.id, {f"{pod}/main": range(written)}, floor=300)
    checker.take_all(seen)
    verdict = checker.verdict()
    assert verdict.green, str(verdict)
    assert verdict.gapped == sum(gap["lost"] for gap in slow.gaps)
    assert not back.gaps
