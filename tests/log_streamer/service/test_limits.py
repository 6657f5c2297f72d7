"""How much one stream brings, and how many streams there are: exact, told, and alive without Redis."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from testbed.pod_logs import PodLogServer
from testbed.redis import RedisServer
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import Trace, assert_whole, served, until
from tests.log_streamer.service.viewer import Streams, Viewer, refusal, watch_through, watching

LEASE = 6
"""Seconds. Where slots have to be held it is `stream_lease`'s default: no stall is as long."""


async def test_a_stream_ends_after_exactly_as_many_lines_as_it_may_have(trace: Trace, tmp_path: Path) -> None:
    for pod in [await trace.step(name) for name in "ab"]:
        await trace.writes(pod, 2500, 0)
    await trace.ends()
    checker = trace.checker(floor=5000)
    async with served(tmp_path / "log", trace.server, max_lines=700) as streamer:
        cursor = ""
        sizes: list[int] = []
        while len(sizes) < 20:
            async with Viewer(streamer.port, trace.id, cursor=cursor, take=checker.take) as viewer:
                end = await viewer.to_end()
            assert end is not None
            assert end["lines"] == viewer.lines
            assert end["cursor"] == viewer.cursor
            sizes.append(viewer.lines)
            cursor = viewer.cursor
            if end["reason"] == "complete":
                break
            assert (end["reason"], end["limit"]) == ("line_cap", "CROSSOVER_LOG_STREAMER_MAX_LINES")
    assert sizes == [700] * 7 + [100]
    assert_whole(checker)


async def test_a_viewer_pages_through_a_growing_feed_with_any_page_and_filter(
    streamer: LogStreamer, trace: Trace
) -> None:
    pods = [await trace.step(name) for name in "ab"]
    for pod in pods:
        await trace.writes(pod, 3000, 1500)
    checker = trace.checker(floor=6000)
    pages = Streams(trace.id, checker.take, [streamer.port], 900)
    odd = [0, 0]

    async def page() -> None:
        cursor = ""
        while (end := (await watch_through(pages, cursor=cursor))[0])["reason"] != "complete":
            assert (end["reason"], end["limit"]) == ("line_cap", "max_lines")
            cursor = end["cursor"]

    async def filtered() -> None:
        cursor, end = "", None
        while end is None or end["reason"] != "complete":
            viewer = Viewer(streamer.port, trace.id, cursor=cursor, max_lines=7, grep="n=[0-9]*00 ")
            async with viewer:
                end = await viewer.to_end()
            assert end is not None
            odd[0], odd[1] = odd[0] + viewer.lines, odd[1] + 1
            cursor = end["cursor"]

    await asyncio.gather(page(), filtered(), trace.ends())
    assert_whole(checker)
    assert odd == [2 * 29, 2 * 29 // 7 + 1]


async def test_a_stream_ends_in_time_and_its_viewer_goes_on(streamer: LogStreamer, trace: Trace) -> None:
    pod = await trace.step()
    await trace.writes(pod, 4000, 1500)
    checker = trace.checker(floor=4000)
    cursor = ""
    reasons: list[str] = []
    writing = asyncio.create_task(trace.ends())
    while not reasons or reasons[-1] != "complete":
        viewer = Viewer(streamer.port, trace.id, cursor=cursor, take=checker.take, timeout="700ms")
        async with viewer:
            end = await viewer.to_end()
        assert end is not None
        reasons.append(end["reason"])
        cursor = viewer.cursor
    await writing
    assert_whole(checker)
    assert set(reasons[:-1]) == {"timeout"}


@asynccontextmanager
async def _with_redis(
    tmp_path: Path, server: PodLogServer, **settings: Any
) -> AsyncGenerator[tuple[RedisServer, LogStreamer, LogStreamer], None]:
    """Two replicas that count their streams together."""
    async with RedisServer() as redis:
        given = {"redis_url": redis.url, "redis_timeout": 30, "heartbeat": 0.2, **settings}
        async with (
            served(tmp_path / "one", server, **given) as one,
            served(tmp_path / "two", server, **given) as two,
        ):
            yield redis, one, two


@pytest.mark.parametrize("scope", ["principal", "cluster"])
async def test_a_stream_too_many_is_refused_by_every_replica_and_says_which_limit_it_was(
    trace: Trace, tmp_path: Path, scope: str
) -> None:
    async with _with_redis(tmp_path, trace.server, **{f"streams_per_{scope}": 4}) as (_, one, two):
        viewers = [Viewer(replica.port, trace.id) for replica in (one, two, one, two)]
        async with watching(*viewers):
            for replica in (one, two):
                refused = await refusal(Viewer(replica.port, trace.id))
                assert refused.status == 429
                assert int(refused.headers["retry-after"]) >= 1
                assert f"CROSSOVER_LOG_STREAMER_STREAMS_PER_{scope.upper()}" in refused.problem["detail"]
            await viewers[0].close()

            end, _ = await watch_through(
                Streams(trace.id, lambda event: None, [two.port]), watched=_first_sign, within=25
            )
            assert end["reason"] == "seen"


async def test_the_slots_of_a_killed_replica_are_free_again_once_their_lease_has_run_out(
    trace: Trace, tmp_path: Path
) -> None:
    async with (
        _with_redis(tmp_path, trace.server, streams_per_tenant=6, stream_lease=LEASE) as (_, one, two),
        watching(*(Viewer(one.port, trace.id) for _ in range(6))),
    ):
        assert (await refusal(Viewer(two.port, trace.id))).status == 429
        await one.kill()
        ends, _ = await watch_through(Streams(trace.id, lambda event: None, [two.port]), watched=_first_sign)
    assert ends["reason"] == "seen"


async def _first_sign(viewer: Viewer) -> None:
    await viewer.events()
    viewer.end = {"reason": "seen"}


async def test_redis_can_die_and_come_back_under_fifty_streams(trace: Trace, tmp_path: Path) -> None:
    pods = [await trace.step(name) for name in "ab"]
    trace.expected |= {f"{pod}/main": range(2000) for pod in pods}
    checkers = [trace.checker(floor=4000) for _ in range(50)]
    limits = {"streams_per_principal": 60, "streams_without_redis": 27}
    async with _with_redis(tmp_path, trace.server, **limits) as (redis, one, two):
        ports = [one.port] * 25 + [two.port] * 25
        viewers = [
            Viewer(port, trace.id, take=checker.take) for port, checker in zip(ports, checkers, strict=True)
        ]

        async def status(wanted: str) -> None:
            async def is_so() -> bool:
                answers = [await replica.http.get("/readyz") for replica in (one, two)]
                assert [answer.status_code for answer in answers] == [200, 200]
                return {answer.json()["status"] for answer in answers} == {wanted}

            await until(is_so)

        async with watching(*viewers):
            await status("ready")
            for pod in pods:
                await trace.writes(pod, 2000, 500)
            watched = [asyncio.create_task(viewer.to_end()) for viewer in viewers]
            await redis.kill()
            extra = [Viewer(one.port, trace.id) for _ in range(2)]
            async with watching(*extra):
                refused = await refusal(Viewer(one.port, trace.id))
                assert refused.status == 429
                assert "CROSSOVER_LOG_STREAMER_STREAMS_WITHOUT_REDIS" in refused.problem["detail"]
                await status("degraded")
            await redis.start()
            await status("ready")
            assert max(int(n) for n in re.findall(rb":(\d+)", await _counts(redis))) == 50
            async with watching(*(Viewer(two.port, trace.id) for _ in range(10))):
                assert (await refusal(Viewer(two.port, trace.id))).status == 429
            await asyncio.gather(trace.ends(), *watched)
    for checker in checkers:
        assert_whole(checker)


async def _counts(redis: RedisServer) -> bytes:
    """The size of each set of slots."""
    keys = re.findall(rb"\r\n(\S*log\S*|\S*stream\S*)\r\n", b"\r\n" + await redis.command("KEYS", "*"))
    return b"".join([await redis.command("ZCARD", key.decode()) for key in keys])
