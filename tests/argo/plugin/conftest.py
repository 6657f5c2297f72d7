"""A bridge, an application, and an agent pod for each test."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from testbed.servers import Bridge, TemporalServer
from tests.argo.plugin.agent_pod import AgentPod, agent_pod
from tests.argo.plugin.application import extracting


@pytest.fixture(scope="package")
async def worker(client: Client) -> AsyncGenerator[Worker, None]:
    async with extracting(client) as worker:
        yield worker


@pytest.fixture(scope="package")
async def bridge(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Bridge, None]:
    log = tmp_path_factory.mktemp("bridge") / "bridge.log"
    async with Bridge(temporal.address, log, temporal_ui_url="http://temporal.test") as bridge:
        yield bridge


@pytest.fixture
async def pod(bridge: Bridge, tmp_path: Path) -> AsyncGenerator[AgentPod, None]:
    async with agent_pod(tmp_path, bridge.url) as pod:
        yield pod
