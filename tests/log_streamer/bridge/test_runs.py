"""Runs and activities of a trace, from a real bridge and a real Temporal server."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from crossover.identity import Role, new_token
from log_streamer.model import Kind, Node
from log_streamer.sources.bridge.client import Bridge as BridgeClient
from log_streamer.sources.bridge.runs import RunLocator
from log_streamer.sources.pods import node_of
from log_streamer.sources.source import Engine, Looked, Scope, Tenant, WorkflowRef
from testbed.servers import Bridge, TemporalServer
from tests.bridge.application import ACTIVITIES, WORKFLOWS
from tests.log_streamer.watched import watched

QUEUE = "log-feed"
IDENTITY = "4711@worker-pod-1"
_numbers = itertools.count()


@pytest.fixture(scope="module")
async def bridge(
    temporal: TemporalServer, client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Bridge, None]:
    worker = Worker(
        client,
        task_queue=QUEUE,
        workflows=WORKFLOWS,
        activities=ACTIVITIES,
        identity=IDENTITY,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    log = tmp_path_factory.mktemp("bridge") / "log"
    async with worker, Bridge(temporal.address, log) as bridge:
        yield bridge


@pytest.fixture
async def locator(bridge: Bridge) -> AsyncGenerator[RunLocator, None]:
    asked = BridgeClient(bridge.url)
    yield RunLocator(asked)
    await asked.close()


def scope_of(trace_id: str) -> Scope:
    return Scope(Tenant("default", ("argo",)), trace_id)


async def start(bridge: Bridge, trace_id: str, workflow_type: str, given: dict[str, Any]) -> dict[str, Any]:
    name = f"flow-{next(_numbers)}"
    argo = {"namespace": "argo", "workflow": name, "uid": str(uuid.uuid4()), "node_name": f"{name}.extract"}
    body = {
        "workflow_type": workflow_type,
        "task_queue": QUEUE,
        "input": given,
        "argo": argo,
        "trace_id": trace_id,
    }
    reply = await bridge.http.post("/v1/runs", json=body)
    assert reply.status_code == 201, reply.text
    view: dict[str, Any] = reply.json()
    return view


async def signal(http: httpx.AsyncClient, run: str, word: str) -> None:
    reply = await http.post(f"/v1/runs/{run}/signal", json={"name": "say", "args": [word]})
    assert reply.status_code < 300, reply.text


def new_trace() -> str:
    return f"feed-{uuid.uuid4().hex[:12]}"


async def test_a_run_is_told_of_from_its_start_to_its_end(bridge: Bridge, locator: RunLocator) -> None:
    trace = new_trace()
    run = await start(bridge, trace, "Talker", {})
    async with watched(locator, scope_of(trace)) as watch:
        await watch.until(lambda: "Running" in watch.phases("Talker"))
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("temporal", known=True)
        assert watch.engine == Engine("temporal", over=False)
        await signal(bridge.http, run["id"], "done")
        await watch.until(lambda: watch.engine == Engine("temporal", over=True, phase="Succeeded"))
        assert watch.phases("Talker")[-2:] == ["Running", "Succeeded"]
        last = [state for state in watch.states if state.kind is Kind.RUN][-1]
        flow = run["argo"]["workflow"]
        assert last.id == run["id"]
        assert last.node is not None
        assert last.node.name == "extract"
        assert last.node.id.startswith(f"{flow}-")


async def test_an_activity_is_told_of_with_each_of_its_attempts(bridge: Bridge, locator: RunLocator) -> None:
    trace = new_trace()
    async with watched(locator, scope_of(trace)) as watch:
        await watch.until(lambda: watch.looked)
        await start(bridge, trace, "Unlucky", {"failures": 25})
        await watch.until(lambda: watch.engine == Engine("temporal", over=True, phase="Succeeded"))
        activities = [state for state in watch.states if state.kind is Kind.ACTIVITY]
        assert {state.name for state in activities} == {"flaky"}
        retries = [state for state in activities if state.phase == "Retrying"]
        assert retries
        assert all(state.message.endswith("fails") for state in retries)
        assert (activities[-1].phase, activities[-1].attempt) == ("Completed", 26)
        assert watch.all.index(activities[-1]) < watch.all.index(watch.states[-1]), "it ends before its run"


async def test_activities_of_a_run_that_was_over_before_are_told_of_too(
    bridge: Bridge, locator: RunLocator
) -> None:
    trace = new_trace()
    run = await start(bridge, trace, "TimesOut", {})
    await bridge.http.get(f"/v1/runs/{run['id']}", params={"wait": "50s"})
    async with watched(locator, scope_of(trace)) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.phases("sleepy") == ["TimedOut"]
        assert watch.phases("TimesOut") == ["Failed"]
        assert watch.engine == Engine("temporal", over=True, phase="Failed")


async def test_a_decision_says_why_there_is_no_run(bridge: Bridge, locator: RunLocator) -> None:
    trace = new_trace()
    argo = {"namespace": "argo", "workflow": trace, "uid": str(uuid.uuid4()), "node_name": f"{trace}.extract"}
    reply = await bridge.http.post("/v1/decisions", json={"argo": argo})
    assert reply.status_code == 200, reply.text
    async with watched(locator, scope_of(trace)) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("temporal", known=True)
        (state,) = watch.states
        assert (state.kind, state.name, state.phase) == (Kind.DECISION, "enable_crossover", "legacy")
        assert state.node == node_of(trace, f"{trace}.extract")
        assert state.message == "There is no flag enable_crossover, so this is legacy."


async def test_a_trace_without_runs_is_over_and_unknown(locator: RunLocator) -> None:
    async with watched(locator, scope_of(new_trace())) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("temporal", known=False)
        assert watch.engine == Engine("temporal", over=True)
        assert watch.states == []


async def test_runs_that_are_started_later_are_found_and_others_are_not(
    bridge: Bridge, locator: RunLocator
) -> None:
    trace = new_trace()
    async with watched(locator, scope_of(trace)) as watch:
        await watch.until(lambda: watch.looked)
        other = await start(bridge, f"{trace}0", "Echo", {})
        own = await start(bridge, trace, "Echo", {"fail": "planned"})
        await watch.until(lambda: watch.engine == Engine("temporal", over=True, phase="Failed"))
        assert own["id"] in {state.id for state in watch.states}
        assert other["id"] not in {state.id for state in watch.states}


async def test_workers_and_argo_workflows_of_the_runs_are_added_to_the_scope(
    bridge: Bridge, locator: RunLocator
) -> None:
    trace = new_trace()
    scope = scope_of(trace)
    run = await start(bridge, trace, "Unlucky", {"failures": 2})
    async with watched(locator, scope) as watch:
        await watch.until(lambda: IDENTITY in scope.identities)
        await watch.until(lambda: WorkflowRef("argo", run["argo"]["workflow"]) in scope.workflows)


async def test_the_bridge_may_restart(temporal: TemporalServer, bridge: Bridge, tmp_path: Path) -> None:
    trace = new_trace()
    async with Bridge(temporal.address, tmp_path / "log") as own:
        asked = BridgeClient(own.url)
        async with watched(RunLocator(asked), scope_of(trace)) as watch:
            run = await start(own, trace, "Talker", {})
            await watch.until(lambda: "Running" in watch.phases("Talker"))
            await own.kill()
            await watch.until(lambda: watch.troubles)
            await own.start()
            await signal(own.http, run["id"], "done")
            await watch.until(lambda: watch.engine == Engine("temporal", over=True, phase="Succeeded"))
            assert len(watch.troubles) == 1
            assert watch.phases("Talker").count("Succeeded") == 1
        await asked.close()


async def test_the_bridge_is_asked_in_the_viewers_name(temporal: TemporalServer, tmp_path: Path) -> None:
    token, entry = new_token("viewer", "default", Role.VIEWER)
    (tmp_path / "tokens.json").write_text(json.dumps([entry]))
    (tmp_path / "registry.yaml").write_text("tenants: {default: {}}")
    settings: dict[str, Any] = {
        "auth": "tokens",
        "tokens_file": tmp_path / "tokens.json",
        "registry_file": tmp_path / "registry.yaml",
    }
    async with Bridge(temporal.address, tmp_path / "log", **settings) as bridge:
        asked = BridgeClient(bridge.url)
        scope = scope_of(new_trace())
        async with watched(RunLocator(asked), scope) as watch:
            await watch.until(lambda: watch.troubles)
            assert "401" in watch.troubles[0].detail
            assert watch.looked is None
            scope.token = token
            await watch.until(lambda: watch.looked)
        await asked.close()


async def test_a_quiet_trace_costs_a_list_in_three_seconds_and_one_stream(
    temporal: TemporalServer, bridge: Bridge, tmp_path: Path
) -> None:
    trace, log = new_trace(), tmp_path / "log"
    async with Bridge(temporal.address, log) as own:
        await start(own, trace, "Talker", {})
        asked = BridgeClient(own.url)
        async with watched(RunLocator(asked), scope_of(trace)) as watch:
            await watch.until(lambda: watch.looked and "Running" in watch.phases("Talker"))
            before, began = len(requests(log)), time.monotonic()
            await watch.until(lambda: len(requests(log)) >= before + 3)
            asked_for = requests(log)[before:]
            seconds = time.monotonic() - began
        await asked.close()
    assert len(asked_for) <= seconds / 3 + 2  # one that was under way, and one at once
    assert all("/events" not in line for line in asked_for)


def requests(log: Path) -> list[str]:
    """Reads that the bridge's log tells of, streams once they have ended."""
    return [line for line in log.read_text().splitlines() if "/v1/runs" in line and "GET" in line]


def test_a_node_has_the_id_that_argo_gives_it() -> None:
    assert node_of("pods-8vmbw", "pods-8vmbw.a") == Node("pods-8vmbw-56787995", "a")
    assert node_of("pods-8vmbw", "pods-8vmbw") == Node("pods-8vmbw", "pods-8vmbw")
