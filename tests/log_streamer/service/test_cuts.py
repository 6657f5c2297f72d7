"""Follows are cut, refused and left alone in every way, and a viewer still gets every line once."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from testbed.feed_checker import Checker
from testbed.pod_logs import PodLogServer
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import Trace, assert_whole, served
from tests.log_streamer.service.viewer import Viewer

Harm = Callable[[PodLogServer, str], Awaitable[None]]


async def _ends_cleanly(server: PodLogServer, pod: str) -> None:
    await server.cut(pod, namespace="argo")


async def _breaks_off_in_a_line(server: PodLogServer, pod: str) -> None:
    await server.tear(pod, namespace="argo")


async def _is_refused_with_429(server: PodLogServer, pod: str) -> None:
    await server.refuse(429, 1, match=f"{pod}/log", retry_after=1)
    await server.cut(pod, namespace="argo")


async def _is_refused_with_500(server: PodLogServer, pod: str) -> None:
    await server.refuse(500, 2, match=pod)
    await server.tear(pod, namespace="argo")


@pytest.mark.parametrize(
    "harm", [_ends_cleanly, _breaks_off_in_a_line, _is_refused_with_429, _is_refused_with_500]
)
async def test_a_follow_that_breaks_again_and_again_costs_no_line(
    streamer: LogStreamer, trace: Trace, harm: Harm
) -> None:
    pods = [await trace.step(name) for name in "ab"]
    for pod in pods:
        await trace.writes(pod, 4500, 2000, disorder=300_000)
    checker = trace.checker(floor=9000)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        for lines in (1000, 4000, 7000):
            await viewer.reads(lines)
            await harm(trace.server, pods[0])
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)
    assert not viewer.gaps


async def test_the_kubelets_limit_on_a_follow_shows_nowhere(streamer: LogStreamer, trace: Trace) -> None:
    pod = await trace.step(cut_after_s=0.7)
    await trace.writes(pod, 3000, 1000)
    checker = trace.checker(floor=3000)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)
    assert not viewer.gaps


async def test_an_outage_of_the_api_server_is_told_and_costs_no_line(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    trace = await Trace.begun(own_server)
    pods = [await trace.step(name) for name in "ab"]
    for pod in pods:
        await trace.writes(pod, 5000, 2000)
    checker = trace.checker(floor=10_000)
    async with (
        served(tmp_path / "log", own_server) as streamer,
        Viewer(streamer.port, trace.id, take=checker.take) as viewer,
    ):
        await viewer.reads(2000)
        await own_server.outage(True)
        await viewer.until(lambda event: event["event"] == "gap")
        await asyncio.sleep(1)
        await own_server.outage(False)
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)
    assert {gap["reason"] for gap in viewer.gaps} == {"away"}


@pytest.mark.parametrize("number", range(2))
async def test_a_step_that_came_and_went_during_an_outage_is_read_afterwards(
    own_server: PodLogServer, tmp_path: Path, number: int
) -> None:
    trace = await Trace.begun(own_server)
    first = await trace.step("first")
    await trace.writes(first, 1000)
    async with served(tmp_path / "log", own_server) as streamer:
        checker = Checker(
            trace.id, {f"{first}/main": range(1000), f"{trace.id}-second/main": range(3000)}, floor=4000
        )
        async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
            await viewer.reads(1000)
            await own_server.outage(True)
            second = await trace.step("second")
            await trace.writes(second, 3000, 3000 / (number + 1))
            await trace.ends()
            await own_server.outage(False)
            await viewer.to_end()
    assert_whole(checker)


async def test_a_frozen_api_server_costs_no_line(own_server: PodLogServer, tmp_path: Path) -> None:
    trace = await Trace.begun(own_server)
    pod = await trace.step()
    await trace.writes(pod, 6000, 2000)
    checker = trace.checker(floor=6000)
    process = own_server.program.process
    assert process is not None
    async with (
        served(tmp_path / "log", own_server) as streamer,
        Viewer(streamer.port, trace.id, take=checker.take) as viewer,
    ):
        await viewer.reads(1000)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(2)
        process.send_signal(signal.SIGCONT)
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_watches_that_break_and_grow_too_old_lose_no_step(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    trace = await Trace.begun(own_server)
    async with served(tmp_path / "log", own_server) as streamer:
        checker = Checker(trace.id, {f"{trace.id}-{n}/main": range(400) for n in range(6)}, floor=2400)
        async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
            for number in range(6):
                await (own_server.compact() if number % 2 else own_server.break_watches())
                await trace.writes(await trace.step(str(number)), 400)
            await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_a_log_that_is_rotated_while_it_is_read_loses_nothing(
    streamer: LogStreamer, trace: Trace
) -> None:
    pod = await trace.step(rotate_bytes=200_000)
    checker = Checker(trace.id, {f"{pod}/main": range(6000)}, floor=6000)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        await trace.writes_for([viewer], [pod], range(6000), batch=750, rate=2500, end=True)
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_a_log_that_is_rotated_away_during_an_outage_is_a_gap_and_never_silent(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    trace = await Trace.begun(own_server)
    quiet, pod = await trace.step("quiet"), await trace.step("loud", rotate_bytes=150_000)
    async with (
        served(tmp_path / "log", own_server) as streamer,
        Viewer(streamer.port, trace.id, take=lambda event: checker.take(event)) as viewer,
    ):
        trace.expected[f"{pod}/main"] = range(5000)
        await trace.writes(quiet, 1000)
        checker = trace.checker(floor=2000)
        await trace.writes(pod, 1000, end=False)
        await viewer.reads(2000)
        await own_server.outage(True)
        await trace.writes(pod, 3000, 3000, start=1000, end=False)
        await trace.is_written()
        await own_server.outage(False)
        await trace.writes(pod, 1000, start=4000)
        await asyncio.gather(viewer.to_end(), trace.ends())
    verdict = checker.verdict()
    assert verdict.green, str(verdict)
    assert verdict.gapped > 300, "the test lost nothing, and shows nothing"
    rotated = [gap for gap in viewer.gaps if gap["reason"] == "rotated"]
    assert [(gap["pod"], gap["container"]) for gap in rotated] == [(pod, "main")]
    assert rotated[0]["from"] < rotated[0]["to"]
