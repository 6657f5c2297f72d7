"""One bridge, one agent and one Argo Server for the package; a workflow for each test, in any mode."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from testbed.kubernetes.admin import Admin
from testbed.servers import Bridge, TemporalServer
from tests.argo.agent.program import AgentProgram
from tests.argo.callbacks.replica import Replica
from tests.argo.conftest import Cluster
from tests.argo.modes.agent_flow import AgentFlow
from tests.argo.modes.callback_flow import CallbackFlow
from tests.argo.modes.flow import Flow
from tests.argo.modes.plugin_flow import PluginFlow
from tests.argo.modes.step_flow import StepFlow
from tests.bridge.conftest import make_worker
from tests.fake_argo import FakeArgo

Flows = Callable[[], Awaitable[Flow]]
"""Makes a workflow, which ends with the test."""


@pytest.fixture(scope="package")
async def worker(client: Client) -> AsyncGenerator[Worker, None]:
    async with make_worker(client) as worker:
        yield worker


@pytest.fixture(scope="package")
async def argo() -> AsyncGenerator[FakeArgo, None]:
    async with FakeArgo() as argo:
        yield argo


@pytest.fixture(scope="package")
async def bridge(
    temporal: TemporalServer, worker: Worker, argo: FakeArgo, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Bridge, None]:
    log = tmp_path_factory.mktemp("bridge") / "bridge.log"
    async with Bridge(temporal.address, log, argo_server_url=argo.url) as bridge:
        yield bridge


@pytest.fixture(scope="package")
async def agent(
    temporal: TemporalServer,
    worker: Worker,
    control_plane: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[AgentProgram, None]:
    folder = tmp_path_factory.mktemp("agent")
    async with AgentProgram(temporal.address, control_plane.kubeconfig, folder) as agent:
        yield agent


@pytest.fixture
def flows(request: pytest.FixtureRequest, mode: str) -> Flows:
    found: Flows = request.getfixturevalue(f"{mode}_flows")
    return found


@pytest.fixture
async def step_flows(
    client: Client, argo: FakeArgo, bridge: Bridge, tmp_path: Path
) -> AsyncGenerator[Flows, None]:
    async def make() -> Flow:
        return StepFlow(client, argo, bridge.url, tmp_path)

    async with _closed(make) as flows:
        yield flows


@pytest.fixture
async def plugin_flows(
    client: Client, argo: FakeArgo, bridge: Bridge, tmp_path: Path
) -> AsyncGenerator[Flows, None]:
    async def make() -> Flow:
        return PluginFlow(client, argo, bridge.url, tmp_path)

    async with _closed(make) as flows:
        yield flows


@pytest.fixture
async def callback_flows(
    temporal: TemporalServer, worker: Worker, client: Client, argo: FakeArgo
) -> AsyncGenerator[Flows, None]:
    async with Replica.started(temporal.address, argo.url) as replica:

        async def make() -> Flow:
            return CallbackFlow(client, argo, replica)

        async with _closed(make) as flows:
            yield flows


@pytest.fixture
async def agent_flows(
    client: Client, admin: Admin, namespace: str, agent: AgentProgram
) -> AsyncGenerator[Flows, None]:
    async def make() -> Flow:
        return await AgentFlow.created(client, admin, namespace, agent)

    async with _closed(make) as flows:
        yield flows


@asynccontextmanager
async def _closed(make: Flows) -> AsyncGenerator[Flows, None]:
    """Ends all that were made."""
    made: list[Flow] = []

    async def remembered() -> Flow:
        made.append(await make())
        return made[-1]

    try:
        yield remembered
    finally:
        for flow in made:
            await flow.close()
