"""Acting on runs: cancel with its grace, terminate, release, signal, query, update."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from testbed.servers import Bridge, TemporalServer
from tests.bridge.conftest import ended, start_body, started
from tests.fake_argo import FakeArgo
from tests.patience import PATIENCE


async def picked_up(http: httpx.AsyncClient, run: dict[str, Any]) -> None:
    if run["phase"] == "Pending":
        params = {"wait": "30s", "revision": run["revision"]}
        assert (await http.get(f"/v1/runs/{run['id']}", params=params)).json()["phase"] == "Running"


async def test_a_cancelled_run_ends_as_cancelled(http: httpx.AsyncClient) -> None:
    run = await started(http, input={"sleep": 600})
    await picked_up(http, run)
    reply = await http.post(f"/v1/runs/{run['id']}/cancel", json={"reason": "superseded"})
    assert reply.status_code == 202
    view = await ended(http, run["id"])
    assert (view["phase"], view["exit_code"]) == ("Failed", 130)


async def test_a_run_that_ignores_cancel_is_terminated_after_its_grace(http: httpx.AsyncClient) -> None:
    run = await started(http, "Stubborn", cancel_grace="1s")
    await picked_up(http, run)
    cancelling = (await http.post(f"/v1/runs/{run['id']}/cancel", json={})).json()
    assert "may clean up" in cancelling["message"]
    view = await ended(http, run["id"])
    assert (view["phase"], view["exit_code"]) == ("Failed", 143)
    assert "it lasted 1s" in view["message"]


async def test_a_run_that_completes_although_cancelled_has_succeeded(http: httpx.AsyncClient) -> None:
    run = await started(http, "Stubborn", input={"completes": True})
    await picked_up(http, run)
    await http.post(f"/v1/runs/{run['id']}/cancel", json={})
    view = await ended(http, run["id"])
    assert (view["phase"], view["exit_code"]) == ("Succeeded", 0)


async def test_a_run_whose_worker_is_dead_still_ends(http: httpx.AsyncClient) -> None:
    run = await started(http, task_queue=f"nobody-{uuid.uuid4().hex[:6]}", cancel_grace="500ms")
    await http.post(f"/v1/runs/{run['id']}/cancel", json={})
    view = await ended(http, run["id"])
    assert view["exit_code"] == 143


@pytest.mark.parametrize(("on_cancel", "code"), [("terminate", 143), ("cancel", 130)])
async def test_on_cancel_says_what_cancel_does(http: httpx.AsyncClient, on_cancel: str, code: int) -> None:
    run = await started(http, input={"sleep": 600}, on_cancel=on_cancel)
    await picked_up(http, run)
    await http.post(f"/v1/runs/{run['id']}/cancel", json={})
    assert (await ended(http, run["id"]))["exit_code"] == code


async def test_abandon_leaves_the_run_alone(http: httpx.AsyncClient) -> None:
    run = await started(http, input={"sleep": 1.5}, on_cancel="abandon")
    await http.post(f"/v1/runs/{run['id']}/cancel", json={})
    view = await ended(http, run["id"])
    assert view["phase"] == "Succeeded"


async def test_cancelling_a_run_that_is_over_changes_nothing(http: httpx.AsyncClient) -> None:
    run = await started(http)
    await ended(http, run["id"])
    reply = await http.post(f"/v1/runs/{run['id']}/cancel", json={})
    assert (reply.status_code, reply.json()["phase"]) == (202, "Succeeded")


async def test_a_promised_termination_is_kept_by_another_bridge_when_the_first_is_killed(
    temporal: TemporalServer, worker: Worker, client: Client, tmp_path: Path
) -> None:
    async with Bridge(temporal.address, tmp_path / "one.log") as one:
        run = await started(one.http, "Stubborn", cancel_grace="3s")
        await picked_up(one.http, run)
        await one.http.post(f"/v1/runs/{run['id']}/cancel", json={})
        await one.kill()
    async with Bridge(temporal.address, tmp_path / "two.log") as two:
        view = await ended(two.http, run["id"], within=30)
        assert "it lasted 3s" in view["message"]
    query = f"WorkflowId = 'crossover-cancel/{run['temporal']['first_run_id']}/{run['id']}'"
    async with asyncio.timeout(PATIENCE):
        while [each async for each in client.list_workflows(query)]:
            await asyncio.sleep(0.1)


async def test_terminate_ends_a_run_at_once_and_says_who(http: httpx.AsyncClient) -> None:
    run = await started(http, "Stubborn")
    reply = await http.post(f"/v1/runs/{run['id']}/terminate", json={"reason": "stuck"})
    assert reply.status_code == 202
    view = await ended(http, run["id"])
    assert (view["phase"], view["exit_code"]) == ("Failed", 143)
    assert "by local: stuck" in view["message"]


async def test_a_termination_in_temporal_itself_is_an_error(http: httpx.AsyncClient, client: Client) -> None:
    run = await started(http, "Stubborn")
    await client.get_workflow_handle(run["id"]).terminate(reason="maintenance")
    view = await ended(http, run["id"])
    assert (view["phase"], view["exit_code"]) == ("Error", 143)
    assert "maintenance" in view["message"]


async def test_signals_queries_and_updates_reach_the_workflow(http: httpx.AsyncClient) -> None:
    run = (await started(http, "Talker"))["id"]
    say = {"name": "say", "args": ["hello"], "request_id": "once"}
    for _ in range(3):
        assert (await http.post(f"/v1/runs/{run}/signal", json=say)).status_code == 202
    assert (await http.post(f"/v1/runs/{run}/query", json={"name": "heard"})).json() == {"result": ["hello"]}
    ask = {"name": "ask", "args": ["more"], "update_id": "once"}
    results = [(await http.post(f"/v1/runs/{run}/update", json=ask)).json() for _ in range(2)]
    assert results == [{"result": 2}, {"result": 2}]
    await http.post(f"/v1/runs/{run}/signal", json={"name": "say", "args": ["done"]})
    assert (await ended(http, run))["outputs"]["result"] == ["hello", "more", "done"]


@pytest.mark.parametrize(
    ("call", "body"),
    [
        ("query", {"name": "broken"}),
        ("query", {"name": "unknown"}),
        ("update", {"name": "ask", "args": [""]}),
        ("update", {"name": "unknown"}),
    ],
    ids=["raises", "no such query", "refused", "no such update"],
)
async def test_what_the_workflow_refuses_is_rejected(
    http: httpx.AsyncClient, call: str, body: dict[str, Any]
) -> None:
    run = (await started(http, "Talker"))["id"]
    reply = await http.post(f"/v1/runs/{run}/{call}", json=body)
    assert (reply.status_code, reply.json()["type"]) == (422, "urn:crossover:error:rejected")


@pytest.mark.parametrize("call", ["signal", "update"])
async def test_a_run_that_is_over_takes_no_messages(http: httpx.AsyncClient, call: str) -> None:
    run = (await started(http))["id"]
    await ended(http, run)
    reply = await http.post(f"/v1/runs/{run}/{call}", json={"name": "say"})
    assert (reply.status_code, reply.json()["type"]) == (409, "urn:crossover:error:run-closed")


async def test_a_query_without_a_worker_says_so(http: httpx.AsyncClient) -> None:
    run = (await started(http, "Talker", task_queue=f"nobody-{uuid.uuid4().hex[:6]}"))["id"]
    reply = await http.post(f"/v1/runs/{run}/query", json={"name": "heard"})
    assert reply.status_code in (409, 422, 504), reply.text
    assert "worker" in reply.json()["detail"].lower() or "workflow task" in reply.json()["detail"].lower()


# -- release: a step's pod gets SIGTERM ---------------------------------------------------------------


@pytest.fixture(scope="module")
async def argo() -> AsyncGenerator[FakeArgo, None]:
    async with FakeArgo() as argo:
        yield argo


@pytest.fixture(scope="module")
async def argo_bridge(
    temporal: TemporalServer, worker: Worker, argo: FakeArgo, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Bridge, None]:
    path = tmp_path_factory.mktemp("argo")
    (path / "token").write_text("argo-token\n")
    async with Bridge(
        temporal.address, path / "b.log", argo_server_url=argo.url, argo_token_file=path / "token"
    ) as bridge:
        yield bridge


async def released(bridge: Bridge, body: dict[str, Any], **release: Any) -> dict[str, Any]:
    run = (await bridge.http.post("/v1/runs", json=body)).json()["id"]
    reply = await bridge.http.post(f"/v1/runs/{run}/release", json={"signal": "SIGTERM", **release})
    assert reply.status_code == 200, reply.text
    return {**reply.json(), "run": run}


async def test_an_evicted_pod_detaches_and_its_run_goes_on(argo: FakeArgo, argo_bridge: Bridge) -> None:
    body = start_body(input={"sleep": 4})
    argo.keep(body["argo"])
    decided = await released(argo_bridge, body)
    assert decided["action"] == "detach"
    assert (await ended(argo_bridge.http, decided["run"]))["phase"] == "Succeeded"
    assert argo.tokens == {"Bearer argo-token"}


@pytest.mark.parametrize("shutdown", ["Stop", "Terminate"])
async def test_a_stopped_workflow_cancels_its_run(argo: FakeArgo, argo_bridge: Bridge, shutdown: str) -> None:
    body = start_body(input={"sleep": 600})
    argo.keep(body["argo"], shutdown=shutdown)
    decided = await released(argo_bridge, body)
    assert (decided["action"], shutdown in decided["reason"]) == ("cancel", True)
    assert (await ended(argo_bridge.http, decided["run"]))["exit_code"] in (130, 143)


async def test_a_deleted_workflow_cancels_its_run(argo_bridge: Bridge) -> None:
    decided = await released(argo_bridge, start_body(input={"sleep": 600}))
    assert (decided["action"], "was deleted" in decided["reason"]) == ("cancel", True)


async def test_a_deadline_that_has_passed_cancels_without_asking_argo(
    argo: FakeArgo, argo_bridge: Bridge
) -> None:
    body = start_body(input={"sleep": 600})
    argo.keep(body["argo"])
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    assert (await released(argo_bridge, body, deadline=past))["action"] == "cancel"


async def test_what_cannot_be_known_means_detach(http: httpx.AsyncClient, bridge: Bridge) -> None:
    decided = await released(bridge, start_body(input={"sleep": 60}))
    assert decided["action"] == "detach"
    assert "argo_server_url" in decided["reason"]


async def test_an_argo_server_that_fails_means_detach(argo: FakeArgo, argo_bridge: Bridge) -> None:
    body = start_body(input={"sleep": 60})
    argo.break_for(body["argo"]["workflow"])
    assert (await released(argo_bridge, body))["action"] == "detach"


async def test_a_bridge_that_cannot_reach_temporal_does_not_promise_a_cancel(
    worker: Worker, tmp_path: Path
) -> None:
    async with Bridge("127.0.0.1:1", tmp_path / "b.log") as bridge:
        run = "crossover/default/argo/u/n-1"
        reply = await bridge.http.post(f"/v1/runs/{run}/cancel", json={})
        assert (reply.status_code, json.loads(reply.text)["retryable"]) == (503, True)
