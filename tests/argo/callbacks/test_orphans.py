"""The orphan sweep, where it matters what Argo's server does, and how often it is asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from fastapi.responses import HTMLResponse

from crossover.contract.argo import node_id
from crossover.contract.run import Mode
from testbed.servers import TemporalServer
from tests.argo.callbacks.replica import BRISK, Replica
from tests.argo.callbacks.test_deliveries import a_node
from tests.argo.callbacks.waiting import becomes, until
from tests.fake_argo import FakeArgo

pytestmark = pytest.mark.usefixtures("worker")


def plugin_node(argo: FakeArgo, node: dict[str, Any], phase: str) -> None:
    id = node_id(node["workflow"], node["node_name"])
    nodes = argo.workflows.find("argo", node["workflow"])["status"]["nodes"]
    nodes[id] = {"id": id, "name": node["node_name"], "type": "Plugin", "phase": phase}


async def test_a_plugin_node_that_has_timed_out_cancels_its_run(
    temporal: TemporalServer, argo: FakeArgo
) -> None:
    async with Replica.started(temporal.address, argo.url) as replica:
        node = a_node(argo)
        plugin_node(argo, node, "Pending")
        run = await replica.start(node, mode=Mode.PLUGIN, input={"sleep": 600})
        await becomes(lambda: _looked(argo, node, 2))
        assert not await replica.cancel_requested(run.ref)
        plugin_node(argo, node, "Failed")
        await becomes(lambda: replica.cancel_requested(run.ref))
        await until(lambda: replica.audit.of(run.ref.id))
        [event] = [each for each in replica.audit.events if each.subject == run.ref.id]
        assert (event.action, event.why) == ("run.cancel", "Argo has ended the node (Failed)")
        assert replica.count("crossover_orphans_cancelled", mode="plugin") >= 1


async def test_a_cancelled_run_that_does_not_end_is_terminated_after_its_grace(
    temporal: TemporalServer, argo: FakeArgo
) -> None:
    async with Replica.started(temporal.address, argo.url) as replica:
        node = a_node(argo, shutdown="Terminate")
        run = await replica.start(node, "Stubborn", cancel_grace=1)
        assert (await replica.ended(run))["exit_code"] == 143


async def test_a_steps_run_is_left_to_its_pod(temporal: TemporalServer, argo: FakeArgo) -> None:
    async with Replica.started(temporal.address, argo.url) as replica:
        stopped = a_node(argo, shutdown="Stop")
        step = await replica.start(stopped, mode=Mode.STEP, input={"sleep": 600})
        plugin = await replica.start(
            {**stopped, "node_name": "other"}, mode=Mode.PLUGIN, input={"sleep": 600}
        )
        await becomes(lambda: replica.cancel_requested(plugin.ref))
        assert not await replica.cancel_requested(step.ref)


async def test_an_argo_that_cannot_be_asked_cancels_nothing(temporal: TemporalServer, argo: FakeArgo) -> None:
    async with Replica.started(temporal.address, argo.url) as replica:
        node = a_node(argo, shutdown="Stop")
        argo.answer = HTMLResponse("404 page not found", status_code=404)
        run = await replica.start(node, mode=Mode.PLUGIN, input={"sleep": 600})
        await becomes(lambda: _looked(argo, node, 3))
        assert not await replica.cancel_requested(run.ref)
        argo.answer = None
        await becomes(lambda: replica.cancel_requested(run.ref))


async def test_runs_of_one_workflow_cost_one_question_and_no_more_than_the_pace_allows(
    temporal: TemporalServer, argo: FakeArgo
) -> None:
    async with Replica.started(temporal.address, "http://127.0.0.1:1") as starter:
        many = a_node(argo)
        for number in range(20):
            each = {**many, "node_name": f"{many['workflow']}.{number}"}
            await starter.start(each, mode=Mode.PLUGIN, input={"sleep": 600})
        others = [a_node(argo) for _ in range(12)]
        for node in others:
            await starter.start(node, mode=Mode.PLUGIN, input={"sleep": 600})
    slow = replace(BRISK, looks_per_second=4, orphans_interval=1)
    async with Replica.started(temporal.address, argo.url, slow):
        began = asyncio.get_running_loop().time()
        await becomes(lambda: _looked(argo, many, 2))
        seconds = asyncio.get_running_loop().time() - began
    assert len(argo.gets) <= 4 * seconds + 3
    assert argo.gets.count(many["workflow"]) == 2


async def _looked(argo: FakeArgo, node: dict[str, Any], times: int) -> bool:
    return argo.gets.count(node["workflow"]) >= times
