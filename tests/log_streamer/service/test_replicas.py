"""Replicas die, come back, and hand over to each other: a viewer with its cursor gets every line once."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path

import pytest

from testbed.feed_checker import Checker
from testbed.pod_logs import PodLogServer
from testbed.ports import free_port
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import WORKERS, Trace, assert_whole, served, until
from tests.log_streamer.service.viewer import Streams, Viewer, refusal, watch_through, watching

FULL = int(os.environ.get("CROSSOVER_FAULTS", "0"))


async def _three_logs(server: PodLogServer, lines: int, rate: float) -> Trace:
    """Two steps, and a worker of whose lines a third are of the trace."""
    trace = await Trace.begun(server)
    for pod in [await trace.step(name) for name in "ab"]:
        await trace.writes(pod, lines, rate, disorder=200_000)
    await trace.works(await trace.worker(), lines, rate, every=3)
    return trace


@pytest.mark.parametrize("seed", range(FULL // 100))
@pytest.mark.faults
async def test_a_replica_that_is_killed_again_and_again_costs_no_line(
    own_server: PodLogServer, tmp_path: Path, seed: int
) -> None:
    await _kills(own_server, tmp_path, random.Random(seed), lines=12_000, kills=10)


async def test_a_replica_that_is_killed_and_restarted_costs_no_line(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    await _kills(own_server, tmp_path, random.Random(), lines=3000, kills=2)


async def _kills(
    server: PodLogServer, tmp_path: Path, chance: random.Random, *, lines: int, kills: int
) -> None:
    trace = await _three_logs(server, lines, lines / (3 * kills))
    checkers = [trace.checker(floor=3 * lines) for _ in range(3)]
    async with served(tmp_path / "log", server, **WORKERS) as streamer:

        async def all_have_lines() -> bool:
            return all(checker.verdict().lines for checker in checkers)

        async def kill() -> None:
            await until(all_have_lines)  # the first kill cuts all of them
            for _ in range(kills):
                await asyncio.sleep(chance.uniform(0.2, 1.5))
                await streamer.kill()
                await streamer.start()
            await trace.ends()

        viewers = [Streams(trace.id, checker.take, [streamer.port]) for checker in checkers]
        killing = asyncio.create_task(kill())
        ends = await asyncio.gather(*(watch_through(viewer) for viewer in viewers))
        await killing
    for checker in checkers:
        assert_whole(checker, of_many_replicas=True)
    assert all(streams > 1 for _, streams in ends), "no viewer was cut"


async def test_viewers_that_wander_between_two_replicas_at_random_moments_get_every_line_once(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    chance = random.Random()
    trace = await _three_logs(own_server, 5000, 900)
    async with (
        served(tmp_path / "one", own_server, **WORKERS) as one,
        served(tmp_path / "two", own_server, history_lines=500, **WORKERS) as two,
    ):
        checkers = [trace.checker(floor=15_000) for _ in range(4)]

        viewers = [Streams(trace.id, checker.take, [one.port, two.port], 4000) for checker in checkers]
        ending = asyncio.create_task(trace.ends())
        streams = await asyncio.gather(*(_wander(viewer, chance) for viewer in viewers))
        await ending
    for checker in checkers:
        assert_whole(checker, of_many_replicas=True)
    assert min(streams) > 2


async def _wander(viewers: Streams, chance: random.Random) -> int:
    """Watches to the end in many streams; how many they were."""

    async def a_while(viewer: Viewer) -> None:
        if chance.random() < 0.9:
            await _reads_for(viewer, chance.uniform(0.0, 0.8))
        else:
            await viewer.to_end()

    cursor, streams = "", 0
    while True:
        end, more = await watch_through(viewers, watched=a_while, cursor=cursor)
        cursor, streams = end["cursor"], streams + more
        if end["reason"] == "complete":
            return streams


async def _reads_for(viewer: Viewer, seconds: float) -> None:
    try:
        await viewer.to_end(within=seconds)
    except TimeoutError:
        viewer.cut()


async def test_a_viewer_that_comes_back_after_memory_let_go_goes_on_where_it_was(
    trace: Trace, tmp_path: Path
) -> None:
    pods = [await trace.step(name) for name in "ab"]
    trace.expected |= {f"{pod}/main": range(6000) for pod in pods}
    checker = trace.checker(floor=12_000)
    async with (
        served(tmp_path / "log", trace.server, history_lines=500, window=0.05) as streamer,
        watching(Viewer(streamer.port, trace.id), Viewer(streamer.port, trace.id, take=checker.take)) as (
            other,
            first,
        ),
    ):
        await trace.writes_for([first, other], pods, range(800), batch=100)
        await first.close()
        await trace.writes_for([other], pods, range(800, 4500), batch=100)
        second = Viewer(streamer.port, trace.id, cursor=first.cursor, take=checker.take)
        async with watching(second):
            await second.reads(2 * 4500 - first.lines)
            await trace.writes_for([other, second], pods, range(4500, 6000), batch=100, end=True)
            await asyncio.gather(other.to_end(), second.to_end(), trace.ends())
    assert_whole(checker)


async def test_a_viewer_that_comes_after_the_end_gets_all_of_it(trace: Trace, tmp_path: Path) -> None:
    pods = [await trace.step(name) for name in "ab"]
    for pod in pods:
        await trace.writes(pod, 3000, 0)
    await trace.ends()
    checker = trace.checker(floor=6000)
    async with (
        served(tmp_path / "log", trace.server, history_lines=300) as streamer,
        Viewer(streamer.port, trace.id) as first,
    ):
        await first.to_end()
        async with Viewer(streamer.port, trace.id, take=checker.take) as second:
            await second.to_end()
    assert_whole(checker)


async def test_a_log_that_was_rotated_while_no_replica_ran_is_a_gap(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    trace = await Trace.begun(own_server)
    pod = await trace.step(rotate_bytes=100_000)
    port, checker = free_port(), Checker(trace.id, {f"{pod}/main": range(3000)}, floor=1000)
    async with (
        served(tmp_path / "one", own_server, port) as one,
        Viewer(one.port, trace.id, take=checker.take) as first,
    ):
        await trace.writes(pod, 1000, end=False)
        await first.reads(1000)
        await one.kill()
    await trace.writes(pod, 2000, 4000, start=1000)
    await trace.is_written()
    async with (
        served(tmp_path / "two", own_server, port) as two,
        Viewer(two.port, trace.id, cursor=first.cursor, take=checker.take) as second,
    ):
        await asyncio.gather(second.to_end(), trace.ends())
    verdict = checker.verdict()
    assert verdict.green, str(verdict)
    assert verdict.gapped > 300
    assert [(gap["pod"], gap["reason"]) for gap in second.gaps] == [(pod, "rotated")]


async def test_a_log_that_memory_let_go_of_and_that_was_rotated_is_a_gap(
    trace: Trace, tmp_path: Path
) -> None:
    pod = await trace.step(rotate_bytes=300_000)
    checker = Checker(trace.id, {f"{pod}/main": range(8000)}, floor=1500)
    async with served(tmp_path / "log", trace.server, history_lines=500) as streamer:
        other, first = Viewer(streamer.port, trace.id), Viewer(streamer.port, trace.id, take=checker.take)
        async with watching(other, first):
            await trace.writes_for([first, other], [pod], range(1000), batch=200)
            await first.close()
            await trace.writes_for([other], [pod], range(1000, 7000), batch=200)
            second = Viewer(streamer.port, trace.id, cursor=first.cursor, take=checker.take)
            async with watching(second):
                await second.until(lambda event: "n=6999 " in event.get("msg", ""))
                await trace.writes_for([other, second], [pod], range(7000, 8000), batch=200, end=True)
                await asyncio.gather(other.to_end(), second.to_end(), trace.ends())
    verdict = checker.verdict()
    assert verdict.green, str(verdict)
    assert verdict.gapped > 300
    assert [(gap["pod"], gap["reason"]) for gap in second.gaps] == [(pod, "rotated")]


async def test_a_pod_that_vanished_while_no_replica_ran_is_a_gap(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    trace = await Trace.begun(own_server)
    stays, goes = await trace.step("stays"), await trace.step("goes")
    checker = Checker(trace.id, {f"{stays}/main": range(2000), f"{goes}/main": range(2000)}, floor=3000)
    async with (
        served(tmp_path / "one", own_server) as one,
        Viewer(one.port, trace.id, take=checker.take) as first,
    ):
        for pod in (stays, goes):
            await trace.writes(pod, 1000, end=False)
        await first.reads(2000)
        await one.kill()
    await trace.writes(goes, 1000, 0, start=1000)
    await trace.is_written()
    await own_server.delete_pod(goes, namespace="argo")
    async with (
        served(tmp_path / "two", own_server) as two,
        Viewer(two.port, trace.id, cursor=first.cursor, take=checker.take) as second,
    ):
        await trace.writes(stays, 1000, start=1000)
        await asyncio.gather(second.to_end(), trace.ends())
    verdict = checker.verdict()
    assert verdict.green, str(verdict)
    assert verdict.gapped == 1000
    assert [gap["reason"] for gap in second.gaps] == ["gone"]


async def test_a_gap_after_a_viewer_came_back_is_told_to_it(own_server: PodLogServer, tmp_path: Path) -> None:
    """Whatever became of other logs since: here one has vanished, and another was ahead."""
    trace = await Trace.begun(own_server)
    pods = [await trace.step(name) for name in ("ahead", "loud", "goes")]
    checker = Checker(trace.id, {f"{pod}/main": None for pod in pods}, floor=1100)
    async with (
        served(tmp_path / "one", own_server) as one,
        Viewer(one.port, trace.id, take=checker.take) as first,
    ):
        for pod in (pods[2], pods[1], pods[0]):
            await trace.writes(pod, 200, 0, end=False)
            await trace.is_written()
        await first.reads(600)
    await own_server.delete_pod(pods[2], namespace="argo")
    async with (
        served(tmp_path / "two", own_server) as two,
        Viewer(two.port, trace.id, cursor=first.cursor, take=checker.take) as second,
    ):
        await trace.writes(pods[0], 100, 0, start=200, end=False)
        await second.reads(100)
        await own_server.outage(True)
        await trace.writes(pods[1], 400, 0, start=200, end=False)
        await trace.is_written()
        await own_server.rotate(pods[1], namespace="argo")
        await trace.writes(pods[1], 400, 0, start=600)
        await trace.writes(pods[0], 100, 0, start=300)
        await own_server.outage(False)
        await asyncio.gather(second.to_end(), trace.ends())
    verdict = checker.verdict()
    assert verdict.green, str(verdict)
    assert verdict.gapped == 400
    assert (pods[1], "rotated") in [(gap["pod"], gap["reason"]) for gap in second.gaps]


@pytest.mark.parametrize(
    "cursor", ["garbage", "AQ", "%00", "A" * 4000, "Zm9vYmFy", "AQAAAAAAAAAAAAAAAAAAAAAAAQAB"]
)
async def test_a_cursor_that_is_none_of_ours_is_refused(
    streamer: LogStreamer, trace: Trace, cursor: str
) -> None:
    by_header = await refusal(Viewer(streamer.port, trace.id, cursor=cursor))
    by_query = await refusal(Viewer(streamer.port, f"{trace.id}?cursor={cursor}"))
    for refused in (by_header, by_query):
        assert refused.status == 422
        assert refused.problem["field"] == "cursor"


async def test_at_sigterm_every_stream_is_told_to_go_on_elsewhere(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    trace = await _three_logs(own_server, 6000, 1500)
    checkers = [trace.checker(floor=18_000) for _ in range(8)]
    async with (
        served(tmp_path / "one", own_server, **WORKERS) as one,
        served(tmp_path / "two", own_server, **WORKERS) as two,
    ):
        ports = [one.port]
        told: list[str] = []

        async def watched(viewer: Viewer) -> None:
            await viewer.to_end()
            told.append(viewer.end["reason"] if viewer.end else "broke off")

        async def all_are_there() -> bool:
            return await one.metric("crossover_streams") == 8

        async def stop() -> None:
            """The trace goes on: a stream that was not told would never end."""
            await until(all_are_there)
            ports[0] = two.port
            assert await one.stop() == 0
            await trace.ends()

        viewers = [Streams(trace.id, checker.take, ports) for checker in checkers]
        stopping = asyncio.create_task(stop())
        await asyncio.gather(*(watch_through(each, watched=watched) for each in viewers))
        await stopping
    for checker in checkers:
        assert_whole(checker, of_many_replicas=True)
    assert sorted(told) == ["complete"] * 8 + ["shutdown"] * 8
