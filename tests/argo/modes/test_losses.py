"""What is lost on the way between Argo and Temporal, and comes back: each node keeps its one run."""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.worker import Worker

from testbed.servers import Bridge, TemporalServer
from tests.argo.callbacks.replica import Replica
from tests.argo.modes.callback_flow import CallbackFlow
from tests.argo.modes.conftest import Flows
from tests.argo.modes.flow import MODES, until
from tests.argo.modes.step_flow import StepFlow
from tests.fake_argo import FakeArgo
from tests.proxy import Proxy


@pytest.mark.parametrize("mode", MODES)
async def test_what_carries_a_node_may_be_lost_and_its_run_goes_on(flows: Flows, mode: str) -> None:
    flow = await flows()
    node = await flow.begin()
    execution = await node.execution()
    await flow.lose()
    assert await node.status() is WorkflowExecutionStatus.RUNNING
    again = node if mode == "agent" else await flow.begin(retries=0 if mode == "callback" else 1)
    await node.finish()
    assert await again.ended() == "Succeeded"
    assert await again.execution() == execution


@pytest.mark.parametrize("mode", MODES)
async def test_a_run_that_ends_while_argo_is_away_is_its_nodes_end_all_the_same(flows: Flows) -> None:
    flow = await flows()
    node = await flow.begin()
    execution = await node.execution()
    await flow.leave()
    await node.finish()
    await node.becomes(WorkflowExecutionStatus.COMPLETED)
    await flow.come_back()
    assert await node.ended() == "Succeeded"
    assert await node.execution() == execution


async def test_a_step_waits_while_temporal_is_away(
    temporal: TemporalServer, worker: Worker, client: Client, argo: FakeArgo, tmp_path: Path
) -> None:
    async with (
        Proxy(temporal.port) as proxy,
        Bridge(proxy.address, tmp_path / "bridge.log") as bridge,
    ):
        flow = StepFlow(client, argo, bridge.url, tmp_path)
        node = await flow.begin()
        execution = await node.execution()
        await proxy.refuse()

        async def told() -> bool:
            return "is away" in (tmp_path / f"{flow.name}-0.log").read_text()

        await until(told)
        await node.finish()
        assert flow.pods[0].running
        await proxy.listen()
        assert await node.ended() == "Succeeded"
        assert await node.execution() == execution
        await flow.close()


async def test_a_suspended_node_waits_while_temporal_is_away(
    temporal: TemporalServer, worker: Worker, client: Client, argo: FakeArgo
) -> None:
    async with Proxy(temporal.port) as proxy, Replica.started(proxy.address, argo.url) as replica:
        flow = CallbackFlow(client, argo, replica)
        node = await flow.begin()
        await proxy.refuse()
        await node.finish()
        await node.becomes(WorkflowExecutionStatus.COMPLETED)
        assert {each["phase"] for each in flow.workflow["status"]["nodes"].values()} == {"Running"}
        await proxy.listen()
        assert await node.ended() == "Succeeded"
        await flow.close()


async def test_with_scope_attempt_nobody_finds_the_run_of_an_evicted_step_pod(
    client: Client, argo: FakeArgo, bridge: Bridge, tmp_path: Path
) -> None:
    """Known, and told on the page: a wrong cancel would lose work, so it goes on beside the next one."""
    flow = StepFlow(client, argo, bridge.url, tmp_path)
    first = await flow.begin(scope="attempt")
    await flow.lose()
    second = await flow.begin(scope="attempt", retries=1)
    assert second.run.id != first.run.id
    for node in (first, second):
        assert await node.status() is WorkflowExecutionStatus.RUNNING
    await flow.close()
