"""One agent and one worker for the package; tests that hurt them start their own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from bridge.argo.agent.scope import Scope
from testbed.kubernetes.admin import Admin
from testbed.servers import PATIENCE, TemporalServer
from tests.argo.agent.controller import Controlled
from tests.argo.agent.program import AgentProgram
from tests.argo.conftest import Cluster
from tests.bridge.conftest import make_worker

SHARED = "0/2"
"""Share of the namespaces that the package's agent serves."""

Condition = Callable[[], Awaitable[bool]]
NewAgent = Callable[..., AgentProgram]


@pytest.fixture(scope="package")
async def worker(client: Client) -> AsyncGenerator[Worker, None]:
    async with make_worker(client) as worker:
        yield worker


@pytest.fixture(scope="package")
async def agent(
    temporal: TemporalServer,
    worker: Worker,
    control_plane: Cluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[AgentProgram, None]:
    folder = tmp_path_factory.mktemp("agent")
    async with AgentProgram(temporal.address, control_plane.kubeconfig, folder, shard=SHARED) as agent:
        yield agent


@pytest.fixture
def new_agent(
    temporal: TemporalServer, worker: Worker, control_plane: Cluster, namespace: str, tmp_path: Path
) -> NewAgent:
    """Makes agents of the test's own, for its namespace alone."""

    def make(
        *,
        address: str = temporal.address,
        kubeconfig: Path = control_plane.kubeconfig,
        **settings: Any,
    ) -> AgentProgram:
        return AgentProgram(address, kubeconfig, tmp_path, **{"namespaces": namespace, **settings})

    return make


@pytest.fixture
def fresh_name(request: pytest.FixtureRequest) -> str:
    """Of the package's agent, or, for tests that do without it, of nobody yet: it goes on beside them, and
    what it did would count as theirs."""
    shared = "agent" in request.fixturenames
    number, shards = map(int, SHARED.split("/"))
    while True:
        name = f"test-{uuid.uuid4().hex[:12]}"
        if Scope(shard=number, shards=shards).serves(name) == shared:
            return name


@pytest.fixture
async def workflow(admin: Admin, namespace: str) -> Controlled:
    return await Controlled(admin, namespace).create()


async def until(condition: Condition, within: float = PATIENCE) -> None:
    """Returns once it holds."""
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.05)
