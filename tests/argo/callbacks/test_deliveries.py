"""A run that is over completes its suspend node, whatever is in the way."""

from __future__ import annotations

import itertools
import signal
import sys
import uuid
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.responses import HTMLResponse, JSONResponse
from temporalio.client import Client
from temporalio.worker import Worker

from testbed.servers import Program, TemporalServer
from tests.argo.callbacks.replica import BRISK, Replica
from tests.argo.callbacks.waiting import until
from tests.fake_argo import FakeArgo
from tests.proxy import Proxy

pytestmark = pytest.mark.usefixtures("worker")

_numbers = itertools.count()


@pytest.fixture
async def replica(temporal: TemporalServer, argo: FakeArgo) -> AsyncGenerator[Replica, None]:
    async with Replica.started(temporal.address, argo.url) as replica:
        yield replica


def a_node(argo: FakeArgo, **spec: Any) -> dict[str, Any]:
    """The trigger step of a running workflow of its own."""
    name = f"cb-{next(_numbers)}"
    node = {"namespace": "argo", "workflow": name, "uid": str(uuid.uuid4()), "node_name": f"{name}.start"}
    argo.keep(node, **spec)
    return node


async def completed(argo: FakeArgo, node: dict[str, Any], id: str) -> dict[str, Any]:
    await until(lambda: argo.node(node, id)["phase"] != "Running")
    return argo.node(node, id)


async def test_a_run_that_ends_completes_its_node_with_its_outputs(argo: FakeArgo, replica: Replica) -> None:
    node = a_node(argo)
    run = await replica.start(node, input={"sleep": 0.3}, outputs={"tables": "/counts/tables"})
    id = argo.suspend(node, run.ref.id, outputs={"tables": None, "view": None})
    assert (await completed(argo, node, id))["phase"] == "Succeeded"
    assert argo.outputs(node, id)["tables"] == "3"
    assert f'"id":"{run.ref.id}"' in argo.outputs(node, id)["view"]
    assert [each["status"] for each in argo.sets] == [200]
    await until(lambda: replica.audit.of(run.ref.id) == ["callback.delivered"])
    assert replica.count("crossover_callbacks", outcome="delivered") == 1


async def test_a_run_that_fails_fails_its_node_and_says_why(argo: FakeArgo, replica: Replica) -> None:
    node = a_node(argo)
    run = await replica.start(node, input={"fail": "no such table"})
    id = argo.suspend(node, run.ref.id)
    found = await completed(argo, node, id)
    assert (found["phase"], found["message"]) == ("Failed", "Planned: no such table")


async def test_a_node_that_comes_after_its_run_has_ended_is_completed(
    argo: FakeArgo, replica: Replica
) -> None:
    node = a_node(argo)
    run = await replica.start(node)
    await replica.ended(run)
    await until(lambda: argo.gets.count(node["workflow"]) >= 2)
    assert argo.sets == []
    id = argo.suspend(node, run.ref.id, phase="Pending")
    argo.node(node, id)["phase"] = "Running"
    assert (await completed(argo, node, id))["phase"] == "Succeeded"


async def test_a_declared_output_that_the_run_has_not_got_makes_the_node_an_error(
    argo: FakeArgo, replica: Replica
) -> None:
    node = a_node(argo)
    run = await replica.start(node)
    id = argo.suspend(node, run.ref.id, outputs={"missing": None})
    found = await completed(argo, node, id)
    assert (found["phase"], "no output missing" in found["message"]) == ("Error", True)


async def test_all_nodes_that_wait_for_one_run_are_completed(argo: FakeArgo, replica: Replica) -> None:
    node = a_node(argo)
    run = await replica.start(node, input={"sleep": 0.5})
    ids = [argo.suspend(node, run.ref.id, name=f"{node['workflow']}.{each}") for each in ("a", "b")]
    for id in ids:
        assert (await completed(argo, node, id))["phase"] == "Succeeded"


async def test_a_node_that_somebody_has_completed_is_left_alone(argo: FakeArgo, replica: Replica) -> None:
    node = a_node(argo)
    id = argo.suspend(node, "to be known", phase="Failed")
    run = await replica.start(node, callback={"node_id": id})
    await until(lambda: replica.count("crossover_callbacks", outcome="already") == 1)
    assert argo.sets == []
    assert replica.audit.of(run.ref.id) == []


async def test_a_workflow_that_is_over_is_told_nothing(argo: FakeArgo, replica: Replica) -> None:
    node = a_node(argo)
    argo.workflows.find("argo", node["workflow"])["status"]["phase"] = "Failed"
    await replica.start(node, on_cancel="abandon")
    await until(lambda: replica.count("crossover_callbacks", outcome="over") == 1)
    assert argo.sets == []


async def test_an_argo_server_that_is_away_is_asked_until_it_is_back(
    temporal: TemporalServer, argo: FakeArgo
) -> None:
    async with Proxy(argo.port) as proxy, Replica.started(temporal.address, f"http://{proxy.address}") as one:
        node = a_node(argo)
        await proxy.refuse()
        run = await one.start(node)
        id = argo.suspend(node, run.ref.id)
        await until(lambda: one.count("crossover_callbacks", outcome="retried") >= 2)
        assert one.count("crossover_callbacks_owed") == 1
        await proxy.listen()
        assert (await completed(argo, node, id))["phase"] == "Succeeded"
        await until(lambda: one.count("crossover_callbacks_owed") == 0)


@pytest.mark.parametrize(
    "answer",
    [
        HTMLResponse("<h1>Log in</h1>"),
        HTMLResponse("404", status_code=404),
        JSONResponse({}),
        JSONResponse(3),
    ],
)
async def test_an_argo_server_that_answers_nonsense_loses_nothing(
    argo: FakeArgo, replica: Replica, answer: JSONResponse
) -> None:
    node = a_node(argo)
    argo.answer = answer
    run = await replica.start(node, input={"sleep": 0.2})
    open_run = await replica.start(a_node(argo), input={"sleep": 600})
    id = argo.suspend(node, run.ref.id)
    await until(lambda: replica.count("crossover_callbacks", outcome="retried") >= 2)
    argo.answer = None
    assert (await completed(argo, node, id))["phase"] == "Succeeded"
    assert not await replica.cancel_requested(open_run.ref)


async def test_rights_that_are_missing_are_waited_for_slowly(argo: FakeArgo, replica: Replica) -> None:
    node = a_node(argo)
    argo.answer = JSONResponse({"code": 7, "message": "forbidden"}, status_code=403)
    await replica.start(node, input={"sleep": 0.2})
    await until(lambda: replica.count("crossover_callbacks", outcome="denied") == 1)
    assert replica.count("crossover_callbacks_owed") == 1


async def test_a_node_whose_outputs_argo_never_takes_ends_as_an_error(
    temporal: TemporalServer, argo: FakeArgo
) -> None:
    async with Replica.started(temporal.address, argo.url, replace(BRISK, takes_not=2)) as replica:
        node = a_node(argo)
        argo.refuse_outputs = "request is too large"
        run = await replica.start(node, input={"sleep": 0.2})
        id = argo.suspend(node, run.ref.id)
        found = await completed(argo, node, id)
        assert (found["phase"], "request is too large" in found["message"]) == ("Error", True)


async def test_a_run_that_continues_as_new_calls_back_at_its_end(argo: FakeArgo, replica: Replica) -> None:
    node = a_node(argo)
    run = await replica.start(node, input={"again": 2, "sleep": 0.2})
    id = argo.suspend(node, run.ref.id)
    assert (await completed(argo, node, id))["phase"] == "Succeeded"
    assert len(argo.sets) == 1


async def test_the_next_attempts_node_gets_the_next_attempts_run(argo: FakeArgo, replica: Replica) -> None:
    node = a_node(argo)
    node["node_name"] = step = f"{node['workflow']}.step"
    first = await replica.start(node, "Talker")
    one = argo.suspend(node, first.ref.id, name=f"{step}(0)[1].wait")
    await replica.gateway.terminate(first.ref, first_run_id=first.first_run_id, reason="lost")
    assert (await completed(argo, node, one))["phase"] in ("Error", "Failed")
    second = await replica.start({**node, "retries": 1}, "Talker")
    assert second.ref == first.ref
    two = argo.suspend(node, first.ref.id, name=f"{step}(1)[1].wait")
    await replica.gateway.signal(second.ref, name="say", args=["done"], request_id="x")
    assert (await completed(argo, node, two))["phase"] == "Succeeded"


async def test_a_later_attempt_that_finds_a_completed_run_is_told_of_it(
    argo: FakeArgo, replica: Replica
) -> None:
    node = a_node(argo)
    node["node_name"] = step = f"{node['workflow']}.step"
    run = await replica.start(node)
    argo.suspend(node, run.ref.id, name=f"{step}(0)[1].wait", phase="Failed")
    await replica.ended(run)
    await until(lambda: replica.count("crossover_callbacks") == 1)
    again = await replica.start({**node, "retries": 1})
    assert again.run_id == run.run_id
    id = argo.suspend(node, run.ref.id, name=f"{step}(1)[1].wait")
    assert (await completed(argo, node, id))["phase"] == "Succeeded"


async def test_what_another_replica_has_left_is_delivered(
    argo: FakeArgo, replica: Replica, client: Client
) -> None:
    """It answered the start, and was gone before the run was over."""
    node = a_node(argo)
    run = await replica.start(node, followed=False)
    id = argo.suspend(node, run.ref.id)
    assert (await completed(argo, node, id))["phase"] == "Succeeded"


async def test_an_argo_retry_of_a_failed_node_is_told_again(temporal: TemporalServer, argo: FakeArgo) -> None:
    """`argo retry` makes the suspend node anew, and not the step that started the run."""
    async with Replica.started(temporal.address, argo.url, replace(BRISK, again=0.3)) as replica:
        node = a_node(argo)
        run = await replica.start(node, input={"fail": "no"})
        id = argo.suspend(node, run.ref.id)
        assert (await completed(argo, node, id))["phase"] == "Failed"
        argo.workflows.find("argo", node["workflow"])["status"]["phase"] = "Failed"
        await until(lambda: argo.gets.count(node["workflow"]) >= 3)
        argo.workflows.find("argo", node["workflow"])["status"]["phase"] = "Running"
        argo.suspend(node, run.ref.id)
        assert (await completed(argo, node, id))["phase"] == "Failed"


async def test_replicas_that_race_complete_a_node_once(temporal: TemporalServer, argo: FakeArgo) -> None:
    started = Replica.started(temporal.address, argo.url), Replica.started(temporal.address, argo.url)
    async with started[0] as one, started[1] as other:
        runs = []
        for _ in range(10):
            node = a_node(argo)
            run = await one.start(node, input={"sleep": 0.4})
            await other.start(node, input={"sleep": 0.4})
            runs.append((node, argo.suspend(node, run.ref.id), run))
        for node, id, _ in runs:
            assert (await completed(argo, node, id))["phase"] == "Succeeded"
        taken = [each["nodeFieldSelector"] for each in argo.sets if each["status"] == 200]
        assert sorted(taken) == sorted(f"id={id}" for _, id, _ in runs)
        for *_, run in runs:
            await until(lambda ref=run.ref: one.audit.of(ref.id) + other.audit.of(ref.id))  # type: ignore[misc]
            assert one.audit.of(run.ref.id) + other.audit.of(run.ref.id) == ["callback.delivered"]


async def test_what_a_killed_bridge_owes_is_delivered_by_the_next_one(
    temporal: TemporalServer, argo: FakeArgo, worker: Worker
) -> None:
    program = [sys.executable, "-m", "tests.argo.callbacks.replica", temporal.address, argo.url]
    node = a_node(argo)
    async with Program(program) as bridge, Replica.started(temporal.address, "http://127.0.0.1:1") as starter:
        run = await starter.start(node, followed=False)
        await starter.ended(run)
        await until(lambda: argo.gets.count(node["workflow"]) >= 2)  # it tries: there is no node yet
        await bridge.stop(signal.SIGKILL)
    assert argo.sets == []
    id = argo.suspend(node, run.ref.id)
    async with Program(program):
        assert (await completed(argo, node, id))["phase"] == "Succeeded"
    assert [each["status"] for each in argo.sets] == [200]
