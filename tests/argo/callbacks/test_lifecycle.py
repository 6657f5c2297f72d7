"""From a run's start to its end, with the Argo Server that there is: each learns what the other does."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import asdict, replace
from typing import Any

import httpx
import pytest

from bridge.steps.engine import Snapshot
from crossover.contract.run import ArgoNode
from testbed.servers import PATIENCE, TemporalServer
from tests.argo.callbacks.replica import BRISK, Replica
from tests.argo.callbacks.servers import Server
from tests.argo.callbacks.waiting import becomes

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture
async def replica(temporal: TemporalServer, server: Server) -> AsyncGenerator[Replica, None]:
    settings = replace(BRISK, again=0.5)
    async with Replica.started(temporal.address, server.url, settings) as replica:
        yield replica


async def begun(
    server: Server, replica: Replica, workflow_type: str = "Echo", **changes: Any
) -> tuple[ArgoNode, Snapshot]:
    """A run, and the node that waits for it."""
    spec = changes.pop("spec", {})
    node = await server.suspended("this one", **spec)
    callback = {"value": "this one"}
    return node, await replica.start(asdict(node), workflow_type, callback=callback, **changes)


async def put(server: Server, node: ArgoNode, verb: str, **body: str) -> None:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=PATIENCE) as http:
        reply = await http.put(f"/api/v1/workflows/{node.namespace}/{node.workflow}/{verb}", json=body)
    assert reply.status_code == 200, reply.text


async def cancelled(replica: Replica, run: Snapshot) -> None:
    await becomes(lambda: replica.cancel_requested(run.ref))
    await becomes(lambda: _recorded(replica, run, "run.cancel"))


async def _recorded(replica: Replica, run: Snapshot, action: str) -> bool:
    return action in replica.audit.of(run.ref.id)


@pytest.mark.parametrize(("given", "phase"), [({}, "Succeeded"), ({"fail": "no"}, "Failed")])
async def test_the_nodes_phase_is_the_runs(
    server: Server, replica: Replica, given: dict[str, str], phase: str
) -> None:
    outputs = {"rows": "/counts/tables"}
    node, _ = await begun(server, replica, input={"sleep": 0.3, **given}, outputs=outputs)

    async def ended() -> bool:
        return await server.phase(node) == phase

    await becomes(ended)


@pytest.mark.parametrize("verb", ["stop", "terminate"])
async def test_a_workflow_that_is_stopped_cancels_its_run(
    server: Server, replica: Replica, verb: str
) -> None:
    node, run = await begun(server, replica, input={"sleep": 600})
    await put(server, node, verb)
    await cancelled(replica, run)
    assert (await replica.ended(run))["exit_code"] in (130, 143)


async def test_a_suspend_node_that_a_person_stops_cancels_its_run(server: Server, replica: Replica) -> None:
    node, run = await begun(server, replica, input={"sleep": 600})
    await put(server, node, "stop", nodeFieldSelector="inputs.parameters.run.value=this one", message="no")
    await cancelled(replica, run)


async def test_a_workflow_that_is_deleted_cancels_its_run(server: Server, replica: Replica) -> None:
    node, run = await begun(server, replica, input={"sleep": 600})
    await server.delete(node)
    await cancelled(replica, run)


async def test_a_workflow_beyond_its_deadline_cancels_its_run(server: Server, replica: Replica) -> None:
    _, run = await begun(server, replica, input={"sleep": 600}, spec={"activeDeadlineSeconds": 2})
    await cancelled(replica, run)


async def test_a_run_that_is_to_outlive_its_workflow_does(server: Server, replica: Replica) -> None:
    node, kept = await begun(server, replica, input={"sleep": 600}, on_cancel="abandon")
    other, run = await begun(server, replica, input={"sleep": 600})
    for each in (node, other):
        await put(server, each, "stop")
    await cancelled(replica, run)
    assert not await replica.cancel_requested(kept.ref)
    await replica.gateway.terminate(kept.ref, first_run_id=kept.first_run_id, reason="the test is over")


async def test_a_failed_node_that_argo_retries_is_told_again(server: Server, replica: Replica) -> None:
    """`argo retry` makes the suspend node anew, but not the step that started the run."""
    node, _ = await begun(server, replica, input={"fail": "no"})

    async def failed() -> bool:
        return await server.phase(node) == "Failed"

    await becomes(failed)
    await server.retry(node)
    await becomes(failed)


async def test_nothing_is_cancelled_while_the_workflow_waits(server: Server, replica: Replica) -> None:
    _, run = await begun(server, replica, input={"sleep": 600})
    other, ends = await begun(server, replica, input={"sleep": 600})
    await put(server, other, "stop")
    await cancelled(replica, ends)  # rounds have gone by
    assert not await replica.cancel_requested(run.ref)
    await replica.gateway.terminate(run.ref, first_run_id=run.first_run_id, reason="the test is over")
