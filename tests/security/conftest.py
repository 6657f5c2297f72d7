"""One installation for the tests that do it no harm."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from testbed.servers import TemporalServer
from tests.bridge.conftest import make_worker
from tests.security.scene import Scene, opened


@pytest.fixture(scope="package")
async def worker(client: Client) -> AsyncGenerator[Worker, None]:
    async with make_worker(client) as worker:
        yield worker


@pytest.fixture(scope="package")
async def scene(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Scene, None]:
    async with opened(temporal, tmp_path_factory.mktemp("security")) as scene:
        yield scene
