"""Two replicas for the folder; tests that break Redis have an installation of their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from temporalio.worker import Worker

from testbed.servers import TemporalServer
from tests.bridge.decisions.installation import CROSSOVER, Installation, installed


@pytest.fixture(scope="package")
async def pair(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Installation, None]:
    async with installed(temporal.address, tmp_path_factory.mktemp("pair"), replicas=2) as made:
        yield made


@pytest.fixture
async def rolled_out(pair: Installation) -> Installation:
    """The two replicas, with all tenants at crossover."""
    await pair.flags(CROSSOVER)
    return pair
