"""An Argo Server, fake or real; and replicas of the bridge's callbacks over a real Temporal."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from tests.argo.callbacks.servers import Fake, Real, Server
from tests.bridge.conftest import make_worker
from tests.fake_argo import FakeArgo


@pytest.fixture(scope="package")
async def worker(client: Client) -> AsyncGenerator[Worker, None]:
    async with make_worker(client) as worker:
        yield worker


@pytest.fixture
async def argo() -> AsyncGenerator[FakeArgo, None]:
    async with FakeArgo() as argo:
        yield argo


@pytest.fixture(params=["fake", "real"])
def server(request: pytest.FixtureRequest) -> Server:
    if request.param == "fake":
        return Fake(request.getfixturevalue("argo"))
    return Real(request.getfixturevalue("real_argo"))
