"""Containers begin late, restart, crash, vanish, or never start: the feed has all that they wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path

from testbed.feed_checker import Checker
from testbed.pod_logs import PodLogServer
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import Trace, assert_whole, served
from tests.log_streamer.service.viewer import Event, Viewer


async def test_a_container_that_restarts_is_read_through_all_of_its_lives(
    streamer: LogStreamer, trace: Trace
) -> None:
    pod = await trace.step()
    checker = Checker(trace.id, {f"{pod}/main": range(4000)}, floor=4000)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        for life in range(4):
            await trace.writes(pod, 1000, 4000, start=1000 * life, end=life == 3)
            await viewer.reads(1000 * (life + 1))
            if life < 3:
                await trace.server.start(pod, namespace="argo")
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_a_container_that_crashed_before_anyone_watched_is_read_from_its_previous_log(
    streamer: LogStreamer, trace: Trace
) -> None:
    pod = await trace.step()
    await trace.writes(pod, 700, 0, end=False)
    await trace.is_written()
    await trace.server.end(pod, namespace="argo", backing_off=True)
    await trace.server.start(pod, namespace="argo")
    await trace.writes(pod, 700, start=700)
    checker = Checker(trace.id, {f"{pod}/main": range(1400)}, floor=1400)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_init_and_sidecar_containers_are_part_of_the_feed(streamer: LogStreamer, trace: Trace) -> None:
    pod = await trace.step(init_containers=["fetch"], containers=["main", "proxy"], started=["fetch"])
    for name in ("fetch", "main", "proxy"):
        trace.expected[f"{pod}/{name}"] = range(600)
    checker = trace.checker(floor=1800)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        await trace.writes(pod, 600, container="fetch")
        await viewer.reads(600)
        for name in ("main", "proxy"):
            await trace.server.start(pod, name, namespace="argo")
            await trace.writes(pod, 600, container=name)
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_steps_that_begin_while_others_end_lose_nothing(streamer: LogStreamer, trace: Trace) -> None:
    expected = {f"{trace.id}-{number}/main": range(150) for number in range(20)}
    checker = Checker(trace.id, expected, floor=3000)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        for number in range(20):
            pod = await trace.step(str(number), scheduled=number % 2 == 0, started=[])
            await trace.server.start(pod, namespace="argo")
            await trace.writes(pod, 150, 0)
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_a_pod_that_vanishes_does_not_keep_the_feed_from_its_end(
    streamer: LogStreamer, trace: Trace
) -> None:
    stays, goes = await trace.step("stays"), await trace.step("goes")
    checker = Checker(trace.id, {f"{stays}/main": range(2000), f"{goes}/main": range(1000)}, floor=3000)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        await trace.writes(goes, 1000, end=False)
        await viewer.reads(1000)
        await trace.server.delete_pod(goes, namespace="argo")
        await trace.writes(stays, 2000)
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_clocks_that_differ_cost_order_but_no_line_and_are_marked(
    streamer: LogStreamer, trace: Trace
) -> None:
    skews = {"early": -2.0, "right": 0.0, "late": 3.0}
    pods = [await trace.step(name, skew_s=skew) for name, skew in skews.items()]
    trace.expected |= {f"{pod}/main": range(2000) for pod in pods}
    checker = trace.checker(floor=6000)
    late: list[Event] = []

    def take(event: Event) -> None:
        checker.take(event)
        late.extend([event] if event.get("late") else [])

    async with Viewer(streamer.port, trace.id, take=take) as viewer:
        for pod in pods:
            await trace.writes(pod, 200, end=False)
        await viewer.reads(600)
        for pod in pods:
            await trace.writes(pod, 1800, 1000, start=200)
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)
    assert late, "the clocks did not differ, and nothing was shown"


async def test_nodes_in_other_time_zones_are_merged_by_the_same_time(
    streamer: LogStreamer, trace: Trace
) -> None:
    pods = [await trace.step(zone[:3].strip("+-"), zone=zone) for zone in ("Z", "+05:30", "-08:00")]
    for pod in pods:
        await trace.writes(pod, 1000)
    checker = trace.checker(floor=3000)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)


async def test_a_container_that_never_starts_and_one_that_says_nothing_hold_nobody_up(
    streamer: LogStreamer, trace: Trace
) -> None:
    await trace.step("pending", scheduled=False, started=[])
    await trace.step("pulling", started=[])
    silent, pod = await trace.step("silent"), await trace.step("main")
    await trace.server.end(silent, namespace="argo")
    await trace.writes(pod, 1000)
    checker = trace.checker(floor=1000)
    async with Viewer(streamer.port, trace.id, take=checker.take) as viewer:
        await asyncio.gather(viewer.to_end(), trace.ends("Failed"))
    assert_whole(checker, phase="Failed")
    assert not viewer.gaps


async def test_a_log_that_may_not_be_read_is_a_gap_that_says_why(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    trace = await Trace.begun(own_server)
    secret, pod = await trace.step("secret"), await trace.step("open")
    await own_server.rights(forbidden=[f"{secret}/log"])
    await own_server.append(secret, [b"nobody reads this"], namespace="argo")
    await own_server.end(secret, namespace="argo")
    await trace.writes(pod, 1000)
    checker = trace.checker(floor=1000)
    async with (
        served(tmp_path / "log", own_server) as streamer,
        Viewer(streamer.port, trace.id, take=checker.take) as viewer,
    ):
        await asyncio.gather(viewer.to_end(), trace.ends())
    assert_whole(checker)
    (gap,) = viewer.gaps
    assert (gap["pod"], gap["container"], gap["reason"]) == (secret, "main", "unreadable")
    assert "403" in gap["detail"]
    assert "forbidden" in gap["detail"]


async def test_workflows_that_may_not_be_read_leave_the_logs_of_their_pods(
    own_server: PodLogServer, tmp_path: Path
) -> None:
    trace = await Trace.begun(own_server)
    pod = await trace.step()
    await own_server.rights(forbidden=["argoproj.io"])
    await trace.writes(pod, 1000, end=False)
    checker = trace.checker(floor=1000)
    async with (
        served(tmp_path / "log", own_server) as streamer,
        Viewer(streamer.port, trace.id, take=checker.take) as viewer,
    ):
        await viewer.reads(1000)
        if not viewer.gaps:  # it may come after the lines
            await viewer.until(lambda event: event["event"] == "gap")
    assert checker.verdict().green, str(checker.verdict())
    assert "403" in viewer.gaps[0]["detail"]
