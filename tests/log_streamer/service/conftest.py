"""One API server and one log streamer for the tests that do neither of them harm."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from testbed.pod_logs import PodLogServer
from testbed.servers import LogStreamer
from tests.log_streamer.service.scene import WORKERS, Trace, served

LIMITS = ("streams_per_principal", "streams_per_tenant", "streams_per_cluster")


@pytest.fixture(scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[PodLogServer, None]:
    async with PodLogServer.started(tmp_path_factory.mktemp("pod-logs") / "log") as server:
        yield server


@pytest.fixture(scope="session")
async def streamer(
    server: PodLogServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[LogStreamer, None]:
    log = tmp_path_factory.mktemp("log-streamer") / "log"
    settings: dict[str, Any] = dict.fromkeys(LIMITS, 2000) | WORKERS
    async with served(log, server, **settings) as streamer:
        yield streamer


@pytest.fixture
async def trace(server: PodLogServer) -> Trace:
    """A workflow that has begun."""
    return await Trace.begun(server)


@pytest.fixture
async def own_server(tmp_path: Path) -> AsyncGenerator[PodLogServer, None]:
    """For outages: nobody else is there."""
    async with PodLogServer.started(tmp_path / "pod-logs") as server:
        yield server
