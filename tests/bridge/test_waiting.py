"""Waiting: shared, bounded, and without loss when polls run out, clients leave or the bridge goes away."""

from __future__ import annotations

import asyncio
import signal
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.worker import Worker

from testbed.servers import Bridge, TemporalServer
from tests.bridge.conftest import ended, started
from tests.patience import PATIENCE

POLLED = 'crossover_watched_runs{by="long poll"}'
SWEPT = 'crossover_watched_runs{by="sweep"}'
DESCRIBES = 'crossover_temporal_calls_total{call="DescribeWorkflowExecution"'
LONG_POLLS = 'crossover_temporal_calls_total{call="GetWorkflowExecutionHistory"'


@pytest.fixture(scope="module")
async def narrow(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Bridge, None]:
    """A bridge with two long polls: the third run is swept."""
    log = tmp_path_factory.mktemp("narrow") / "log"
    async with Bridge(temporal.address, log, long_poll_limit=2, linger=0.5) as bridge:
        yield bridge


async def talkers(bridge: Bridge, count: int) -> list[str]:
    return [(await started(bridge.http, "Talker"))["id"] for _ in range(count)]


async def finish(bridge: Bridge, run: str) -> None:
    await bridge.http.post(f"/v1/runs/{run}/signal", json={"name": "say", "args": ["done"]})


async def until(bridge: Bridge, metric: str, value: float) -> None:
    async with asyncio.timeout(PATIENCE):
        while await bridge.metric(metric) != value:
            await asyncio.sleep(0.05)


async def test_runs_beyond_the_long_polls_are_swept_and_none_is_missed(narrow: Bridge) -> None:
    runs = await talkers(narrow, 12)
    waiting = [asyncio.create_task(ended(narrow.http, run, within=30)) for run in runs]
    await until(narrow, SWEPT, 10)
    assert await narrow.metric(POLLED) == 2
    for run in reversed(runs):
        await finish(narrow, run)
    assert {view["phase"] for view in await asyncio.gather(*waiting)} == {"Succeeded"}
    await until(narrow, POLLED, 0)
    await until(narrow, SWEPT, 0)


async def test_a_long_poll_that_becomes_free_goes_to_a_swept_run(narrow: Bridge) -> None:
    runs = await talkers(narrow, 3)
    waiting = [asyncio.create_task(ended(narrow.http, run)) for run in runs]
    await until(narrow, SWEPT, 1)
    await finish(narrow, runs[0])
    await waiting[0]
    await until(narrow, SWEPT, 0)
    assert await narrow.metric(POLLED) == 2
    for run in runs[1:]:
        await finish(narrow, run)
    await asyncio.gather(*waiting)


async def test_a_run_that_closed_before_it_was_swept_is_answered(narrow: Bridge) -> None:
    holders = await talkers(narrow, 2)
    held = [asyncio.create_task(ended(narrow.http, run)) for run in holders]
    await until(narrow, POLLED, 2)
    run = await started(narrow.http)  # is over at once; its client waits only later
    await asyncio.sleep(1)
    assert (await ended(narrow.http, run["id"]))["phase"] == "Succeeded"
    for each in holders:
        await finish(narrow, each)
    await asyncio.gather(*held)


async def test_a_run_that_was_just_started_is_swept_without_a_look_and_is_not_missed(
    temporal: TemporalServer, worker: Worker, tmp_path: Path
) -> None:
    """Only a client that comes later costs a look: the sweep may have passed its run's close by then."""
    settings: dict[str, Any] = {"long_poll_limit": 0, "refresh_rate": 0.01}
    async with Bridge(temporal.address, tmp_path / "log", **settings) as swept:
        costs = [await looks_of_a_run(swept, late_by=0) for _ in range(10)]
        assert 0 in costs  # not in all: a busy machine holds clients up
        assert await looks_of_a_run(swept, late_by=1.2) > 0


async def looks_of_a_run(bridge: Bridge, *, late_by: float) -> float:
    """How often the bridge looks at a run that is over at once, whose client begins to wait that late."""
    before = await bridge.metric(DESCRIBES)
    run = await started(bridge.http)
    await asyncio.sleep(late_by)
    assert (await ended(bridge.http, run["id"]))["phase"] == "Succeeded"
    return await bridge.metric(DESCRIBES) - before


async def test_a_swept_retry_is_not_answered_with_the_attempt_before_it(narrow: Bridge) -> None:
    holders = await talkers(narrow, 2)
    held = [asyncio.create_task(ended(narrow.http, run)) for run in holders]
    await until(narrow, POLLED, 2)
    body: dict[str, Any] = {"fail": "first"}
    first = await started(narrow.http, input=body)
    assert (await ended(narrow.http, first["id"]))["phase"] == "Failed"
    again = {"workflow_type": "Talker", "task_queue": "work", "input": {}, "argo": first["argo"]}
    second = (await narrow.http.post("/v1/runs", json=again)).json()
    waiting = asyncio.create_task(ended(narrow.http, second["id"]))
    await asyncio.sleep(3)  # several sweeps see the failed attempt
    assert not waiting.done()
    await finish(narrow, second["id"])
    assert (await waiting)["temporal"]["run_id"] == second["temporal"]["run_id"]
    for each in holders:
        await finish(narrow, each)
    await asyncio.gather(*held)


async def test_a_new_run_that_cannot_work_says_so_soon_however_many_others_wait(
    temporal: TemporalServer, worker: Worker, tmp_path: Path
) -> None:
    settings: dict[str, Any] = {"long_poll_limit": 2, "refresh_rate": 0.2}  # a turn takes two minutes
    async with Bridge(temporal.address, tmp_path / "log", **settings) as slow:
        others = await talkers(slow, 25)
        waiting = [asyncio.create_task(ended(slow.http, run, within=60)) for run in others]
        await until(slow, "crossover_waiting_clients", 25)
        view = await started(slow.http, "NoSuchType", execution_timeout="300s")
        async with asyncio.timeout(PATIENCE):
            while not view["problems"]:
                params = {"wait": "20s", "revision": view["revision"]}
                view = (await slow.http.get(f"/v1/runs/{view['id']}", params=params)).json()
        assert view["problems"][0]["code"] == "unregistered-type"
        for run in others:
            await finish(slow, run)
        await asyncio.gather(*waiting)


async def test_all_clients_of_one_run_share_one_poll(bridge: Bridge) -> None:
    (run,) = await talkers(bridge, 1)
    waiting = [asyncio.create_task(ended(bridge.http, run)) for _ in range(50)]
    await until(bridge, "crossover_waiting_clients", 50)
    before = await bridge.metric(LONG_POLLS)
    await finish(bridge, run)
    bodies = {str(view["temporal"]) for view in await asyncio.gather(*waiting)}
    assert len(bodies) == 1
    assert await bridge.metric(LONG_POLLS) - before <= 2


async def test_a_dropped_client_frees_its_place_at_once(
    temporal: TemporalServer, worker: Worker, tmp_path: Path
) -> None:
    async with Bridge(temporal.address, tmp_path / "log", linger=600) as bridge:
        runs = await talkers(bridge, 20)
        waiting = [asyncio.create_task(ended(bridge.http, run, within=60)) for run in runs]
        await until(bridge, POLLED, 20)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        await until(bridge, POLLED, 0)
        await until(bridge, "crossover_waiting_clients", 0)
        for run in runs:
            await finish(bridge, run)


async def test_one_client_that_leaves_does_not_disturb_another(bridge: Bridge) -> None:
    (run,) = await talkers(bridge, 1)
    leaver = asyncio.create_task(ended(bridge.http, run))
    stayer = asyncio.create_task(ended(bridge.http, run))
    await until(bridge, "crossover_waiting_clients", 2)
    leaver.cancel()
    await until(bridge, "crossover_waiting_clients", 1)
    await finish(bridge, run)
    assert (await stayer)["phase"] == "Succeeded"


async def test_a_shutdown_answers_waiting_clients_and_another_replica_serves_them(
    temporal: TemporalServer, worker: Worker, tmp_path: Path
) -> None:
    async with (
        Bridge(temporal.address, tmp_path / "a") as one,
        Bridge(temporal.address, tmp_path / "b") as two,
    ):
        runs = await talkers(one, 20)
        waits = [asyncio.create_task(one.http.get(f"/v1/runs/{run}", params={"wait": "60s"})) for run in runs]
        await until(one, "crossover_waiting_clients", 20)
        code = await asyncio.wait_for(one.stop(), PATIENCE)
        for reply in await asyncio.gather(*waits):
            assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
            assert reply.json()["type"] == "urn:crossover:error:shutting-down"
        assert code == 0
        again = [asyncio.create_task(ended(two.http, run)) for run in runs]
        for run in runs:
            await finish(two, run)
        assert {view["phase"] for view in await asyncio.gather(*again)} == {"Succeeded"}


async def test_an_event_stream_ends_when_the_replica_goes_and_can_be_taken_up_elsewhere(
    temporal: TemporalServer, worker: Worker, tmp_path: Path
) -> None:
    async with Bridge(temporal.address, tmp_path / "a") as one:
        (run,) = await talkers(one, 1)

        async def read() -> list[str]:
            async with one.http.stream("GET", f"/v1/runs/{run}/events") as stream:
                return [line async for line in stream.aiter_lines() if line.startswith("event:")]

        reading = asyncio.create_task(read())
        await until(one, "crossover_waiting_clients", 1)
        assert await one.program.stop(signal.SIGTERM, within=PATIENCE) == 0
        assert "event: end" not in await reading


async def test_two_bridges_and_fifty_clients_start_one_run(
    temporal: TemporalServer, bridge: Bridge, worker: Worker, tmp_path: Path
) -> None:
    async with Bridge(temporal.address, tmp_path / "log") as other:
        name = f"race-{uuid.uuid4().hex[:8]}"
        argo = {"namespace": "argo", "workflow": name, "uid": name, "node_name": f"{name}.x"}
        body = {"workflow_type": "Talker", "task_queue": "work", "input": {}, "argo": argo}

        async def start(number: int) -> httpx.Response:
            return await (bridge, other)[number % 2].http.post("/v1/runs", json=body)

        replies = await asyncio.gather(*(start(number) for number in range(50)))
        assert sorted({reply.status_code for reply in replies}) == [200, 201]
        assert [reply.status_code for reply in replies].count(201) == 1
        assert len({reply.json()["temporal"]["run_id"] for reply in replies}) == 1
