"""What others write into Temporal, and what clients do at bad moments: nothing of it stops the bridge."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from crossover.contract import names
from testbed.servers import Bridge, TemporalServer
from tests.bridge.application import QUEUE
from tests.bridge.conftest import ended, start_body, started
from tests.bridge.test_waiting import POLLED, finish, until
from tests.patience import PATIENCE


@pytest.mark.parametrize(
    ("given", "words"), [({"nan": True}, "NaN"), ({}, "surrogate")], ids=["NaN", "surrogate"]
)
async def test_a_result_that_is_no_json_ends_the_step_with_an_error(
    http: httpx.AsyncClient, given: dict[str, Any], words: str
) -> None:
    run = await started(http, "Odd", input=given)
    view = await ended(http, run["id"])
    assert (view["phase"], view["exit_code"]) == ("Error", 1)
    assert words in view["message"]
    assert (await http.get(f"/v1/runs/{run['id']}")).json()["phase"] == "Error"


ODD_MEMOS: list[dict[str, Any]] = [
    {"crossover": {"cancel_grace": "abc", "on_cancel": ["x"], "outputs": {"a": 1}, "trace_id": 7}},
    {"crossover": {"cancel_grace": 1e300, "argo": {"namespace": 1}, "app": {}}},
    {"crossover": [1], "crossover_progress": 9, "trace_id": None},
]


@pytest.mark.parametrize("memo", ODD_MEMOS, ids=["types", "sizes", "shape"])
async def test_a_foreign_run_under_our_prefix_harms_neither_the_list_nor_itself(
    http: httpx.AsyncClient, client: Client, memo: dict[str, Any], worker: Worker
) -> None:
    run = f"crossover/default/argo/{uuid.uuid4()}/foreign-1"
    await client.start_workflow("Stubborn", {}, id=run, task_queue=QUEUE, memo=memo)
    assert (await http.get(f"/v1/runs/{run}")).status_code == 200
    assert (await http.get("/v1/runs", params={"phase": "Running"})).status_code == 200
    assert (await http.post(f"/v1/runs/{run}/cancel", json={"grace": "300ms"})).status_code == 202
    assert (await ended(http, run))["exit_code"] == 143


async def test_a_forged_promise_does_not_keep_others_from_being_kept(
    temporal: TemporalServer, worker: Worker, client: Client, tmp_path: Path
) -> None:
    memos: list[dict[str, Any]] = [
        {"id": ["x"]},
        {"id": "x", "first_run_id": "y", "deadline": "2020-01-01T00:00:00"},
    ]
    for memo in memos:
        await client.start_workflow(
            "x", id=f"crossover-cancel/evil/{uuid.uuid4()}", task_queue="none", memo=memo
        )
    async with Bridge(temporal.address, tmp_path / "one") as one:
        run = await started(one.http, "Stubborn", cancel_grace="2s")
        await one.http.post(f"/v1/runs/{run['id']}/cancel", json={})
        await one.kill()
    async with Bridge(temporal.address, tmp_path / "two") as two:
        assert (await ended(two.http, run["id"], within=30))["exit_code"] == 143
        assert "background work failed" not in (tmp_path / "two").read_text()


async def test_a_reset_after_a_cancel_is_not_killed_by_the_old_promise(http: httpx.AsyncClient) -> None:
    run = await started(http, "Talker", cancel_grace="2s")
    await http.get(f"/v1/runs/{run['id']}", params={"wait": "30s", "revision": run["revision"]})
    await http.post(f"/v1/runs/{run['id']}/cancel", json={})
    assert (await ended(http, run["id"]))["exit_code"] == 130
    assert (await http.post(f"/v1/runs/{run['id']}/reset", json={})).status_code == 200
    await asyncio.sleep(3)  # past the old promise's deadline
    view = (await http.get(f"/v1/runs/{run['id']}")).json()
    assert view["exit_code"] is None, view["message"]
    await http.post(f"/v1/runs/{run['id']}/terminate", json={})


@pytest.mark.parametrize("repeated", [False, True], ids=["first", "repeated"])
async def test_a_key_that_is_used_again_for_other_work_is_a_conflict(
    http: httpx.AsyncClient, repeated: bool
) -> None:
    body = start_body(input={"sleep": 60})
    headers = {names.IDEMPOTENCY_HEADER: str(uuid.uuid4())}
    assert (await http.post("/v1/runs", json=body, headers=headers)).status_code == 201
    if repeated:
        headers[names.RETRY_HEADER] = "1"
    other = {**body, "input": {"sleep": 61}}
    reply = await http.post("/v1/runs", json=other, headers=headers)
    assert (reply.status_code, reply.json()["field"]) == (409, "input")


@pytest.fixture
async def fresh(temporal: TemporalServer, worker: Worker, tmp_path: Path) -> AsyncGenerator[Bridge, None]:
    async with Bridge(temporal.address, tmp_path / "log", linger=0.5) as bridge:
        yield bridge


async def test_the_first_starts_of_a_new_bridge_are_found_by_their_trace(fresh: Bridge) -> None:
    trace = f"t-{uuid.uuid4().hex[:8]}"
    await asyncio.gather(*(started(fresh.http, trace_id=trace) for _ in range(20)))
    async with asyncio.timeout(PATIENCE):
        found = 0
        while found != 20:
            found = len((await fresh.http.get("/v1/runs", params={"trace_id": trace})).json()["runs"])


async def test_clients_that_saw_a_change_and_left_hold_no_polls(fresh: Bridge) -> None:
    runs = [await started(fresh.http, "Talker") for _ in range(5)]
    for run in runs:
        await fresh.http.get(f"/v1/runs/{run['id']}", params={"wait": "30s", "revision": run["revision"]})
    await until(fresh, POLLED, 0)
    for run in runs:
        await finish(fresh, run["id"])


async def test_event_streams_that_were_dropped_hold_no_polls(fresh: Bridge) -> None:
    run = (await started(fresh.http, "Talker"))["id"]
    for _ in range(5):
        async with fresh.http.stream("GET", f"/v1/runs/{run}/events") as stream:
            async for line in stream.aiter_lines():
                if line.startswith("data"):
                    break
    await until(fresh, POLLED, 0)
    await until(fresh, "crossover_waiting_clients", 0)
    await finish(fresh, run)


async def test_a_waiter_follows_its_node_to_the_run_that_a_retry_started(http: httpx.AsyncClient) -> None:
    body = start_body("Talker")
    run = (await http.post("/v1/runs", json=body)).json()["id"]
    await http.post(f"/v1/runs/{run}/terminate", json={})
    await ended(http, run)
    again = await http.post("/v1/runs", json=body)
    assert again.status_code == 201
    waiting = asyncio.create_task(ended(http, run))
    await asyncio.sleep(0.3)
    await http.post(f"/v1/runs/{run}/signal", json={"name": "say", "args": ["done"]})
    assert (await waiting)["temporal"]["run_id"] == again.json()["temporal"]["run_id"]


@pytest.mark.parametrize(
    ("call", "body", "field"),
    [
        ("release", {"deadline": "2026-01-01T00:00:00"}, "deadline"),
        ("reset", {"event_id": 2**63}, "event_id"),
        ("cancel", {"grace": 10**400}, "grace"),
        ("cancel", {"mode": "explode"}, "mode"),
        ("signal", {}, "name"),
    ],
)
async def test_a_wrong_field_of_a_control_is_named(
    http: httpx.AsyncClient, call: str, body: dict[str, Any], field: str
) -> None:
    run = (await started(http, input={"sleep": 60}))["id"]
    reply = await http.post(f"/v1/runs/{run}/{call}", json=body)
    assert (reply.status_code, reply.json()["field"]) == (422, field)


async def test_a_tenant_without_its_namespace_is_unavailable_and_not_lost(
    temporal: TemporalServer, tmp_path: Path
) -> None:
    registry = tmp_path / "registry.yaml"
    registry.write_text(
        "tenants: {default: {temporal_namespace: nowhere, task_queues: ['*'], workflow_types: ['*']}}"
    )
    async with Bridge(temporal.address, tmp_path / "log", registry_file=registry) as bridge:
        reply = await bridge.http.post("/v1/runs", json=start_body())
        assert (reply.status_code, "nowhere" in reply.json()["detail"]) == (503, True)
        ready = await bridge.http.get("/readyz")
        assert (ready.status_code, "nowhere" in ready.json()["checks"]["temporal/nowhere"]) == (200, True)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/runs?page_token=AAAA", 422),
        ("HEAD", "/healthz", 200),
        ("GET", "/v1/runs/crossover/default/argo/u/history", 404),
        ("GET", "/v1/runs/crossover%2Fdefault%2Fargo%2Fu%2Fn-1", 404),
        ("GET", "/v1/runs/crossover/default/argo/../u/n-1", 404),
        ("GET", "/v1/runs/" + "x" * 3000, 404),
    ],
)
async def test_odd_addresses_are_answered(
    http: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    assert (await http.request(method, path)).status_code == status
