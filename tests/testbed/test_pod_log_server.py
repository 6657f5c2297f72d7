"""The pod-log server treats its readers as kube-apiserver and kubelet do: else tests with it mean little."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from itertools import pairwise
from typing import Any

import httpx
import pytest

from testbed.feed_checker import Checker
from testbed.pod_log_files import Block, Clock, ContainerLog, LogReader
from testbed.pod_log_writer import LineMaker, Writing, write_numbered
from testbed.pod_logs import PodLogServer
from testbed.servers import PATIENCE
from tests.log_streamer.contract.reading import until

SECOND = 1_000_000_000


@pytest.fixture
async def server() -> AsyncGenerator[PodLogServer, None]:
    async with PodLogServer.started() as started:
        yield started


async def get_log(server: PodLogServer, pod: str, **params: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=PATIENCE) as http:
        return await http.get(f"/api/v1/namespaces/default/pods/{pod}/log", params=params)


async def test_fractions_of_since_time_are_lost(server: PodLogServer) -> None:
    await server.pod("p")
    await server.append("p", [b"early"], ns=1_800_000_000 * SECOND + 100)
    await server.append("p", [b"late"], ns=1_800_000_001 * SECOND)
    found = await get_log(server, "p", sinceTime="2027-01-15T08:00:00.9Z")
    assert found.text == "early\nlate\n"
    found = await get_log(server, "p", sinceTime="2027-01-15T08:00:01.9Z", timestamps="true")
    assert found.text == "2027-01-15T08:00:01.000000000Z late\n"


async def test_tail_goes_back_from_the_end_and_time_leaves_out_from_there(server: PodLogServer) -> None:
    await server.pod("p")
    for number in range(4):
        await server.append("p", [b"%d" % number], ns=(1_800_000_000 + number) * SECOND)
    assert (await get_log(server, "p", tailLines=2)).text == "2\n3\n"
    assert (await get_log(server, "p", tailLines=3, sinceTime="2027-01-15T08:00:03Z")).text == "3\n"
    assert (await get_log(server, "p", limitBytes=3)).text == "0\n1"


async def test_what_cannot_be_read_is_refused_as_kubernetes_refuses_it(server: PodLogServer) -> None:
    await server.pod("waits", started=[])
    await server.pod("unscheduled", started=[], scheduled=False)
    waiting = await get_log(server, "waits", container="main")
    assert waiting.status_code == 400
    assert waiting.json()["message"] == (
        'container "main" in pod "waits" is waiting to start: ContainerCreating'
    )
    assert (await get_log(server, "unscheduled")).status_code == 204
    assert (await get_log(server, "nobody")).json()["reason"] == "NotFound"
    assert (await get_log(server, "waits", container="x")).status_code == 400
    assert (await get_log(server, "waits", previous="true")).status_code == 400


async def test_a_watch_that_is_too_old_is_told_in_its_stream(server: PodLogServer) -> None:
    await server.compact()
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=PATIENCE) as http:
        answer = await http.get(
            "/api/v1/namespaces/default/pods", params={"watch": "true", "resourceVersion": "1000"}
        )
    assert answer.status_code == 200
    assert (answer.json()["type"], answer.json()["object"]["code"]) == ("ERROR", 410)


async def test_reads_are_counted_while_they_are_open(server: PodLogServer) -> None:
    await server.pod("p")
    await server.append("p", [b"one"])

    async def idle() -> bool:
        return not (await server.stats())["open_follows"]

    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=PATIENCE) as http:
        path = "/api/v1/namespaces/default/pods/p/log?follow=true"
        async with http.stream("GET", path), http.stream("GET", path):
            assert (await server.stats())["open_follows"] == 2
    assert await until(idle)
    stats = await server.stats()
    assert (stats["most_reads"], stats["log_requests"], stats["bytes"]) == ({"p/main": 2}, 2, 8)


async def test_numbered_lines_are_written_in_the_background_and_end_the_container(
    server: PodLogServer,
) -> None:
    await server.pod("p", skew_s=-2)
    writing = Writing("p/main", 10_000, trace="wf-1", every=4)
    await server.write("p", writing, end=True)
    text = (await get_log(server, "p", follow="true", timestamps="true")).text
    assert checked(text, writing, every_trace=False).green
    assert len(text.splitlines()) == 10_000


def test_a_reader_behind_one_rotation_loses_nothing_and_behind_two_it_does() -> None:
    log = ContainerLog(Clock())
    log.write([b"0"], SECOND)
    reader = LogReader(log, None, None)
    log.rotate()
    log.write([b"1"], SECOND)
    assert [block[-2:] for block in reader.take(10_000)] == [b"0\n", b"1\n"]
    for number in (b"2", b"3"):
        log.write([number], SECOND)
        log.rotate()
    log.write([b"4"], SECOND)
    assert [block[-2:] for block in reader.take(10_000)] == [b"2\n", b"4\n"]


def test_a_log_is_rotated_when_it_has_grown() -> None:
    log = ContainerLog(Clock(), rotate_bytes=100)
    for _ in range(10):
        log.append(Block(b"x" * 40, 0, 0))
    assert log.rotations == 4
    assert log.current.size == 80


async def test_a_writer_that_waits_never_costs_its_slowest_reader_a_line() -> None:
    log = ContainerLog(Clock())
    reader = LogReader(log, None, None)
    read: list[bytes] = []

    def behind(_: ContainerLog) -> int:
        """Asked before each block: the reader takes one now and then."""
        read.extend(reader.take(1) if reader.behind > 3 << 20 else [])
        return reader.behind

    writing = Writing("p/main", 200_000, wait=True)
    await write_numbered(log, writing, behind)
    while blocks := reader.take(1):
        read.extend(blocks)
    assert log.rotations >= 3
    assert checked(b"".join(read).decode(), writing).green


def test_disorder_makes_some_lines_earlier_than_those_before_them() -> None:
    writing = Writing("p/main", 700, disorder=5_000_000)
    log = ContainerLog(Clock())
    data = LineMaker(writing).block(log, 0, 700, 1_800_000_000 * SECOND).data
    stamps = [line[:30] for line in data.split(b"\n")[:-1]]
    assert sum(later < earlier for earlier, later in pairwise(stamps)) == 100


def checked(text: str, writing: Writing, *, every_trace: bool = True) -> Any:
    """The verdict on a log as if it were a feed, without other traces' lines."""
    checker = Checker("wf-1", {writing.source: writing.expected}, floor=100)
    for line in text.splitlines():
        ts, said = line.split(" ", 1)
        if every_trace or " trace_id=wf-1 " in said:
            checker.take({"event": "log", "ts": ts, "msg": said})
    return checker.verdict()
