"""Real servers, on free ports, for one test each."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from tests.crossover.identity.api_server import ApiServer
from tests.crossover.identity.issuer import OidcIssuer


@pytest.fixture
async def api_server() -> AsyncGenerator[ApiServer, None]:
    server = ApiServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def issuer() -> AsyncGenerator[OidcIssuer, None]:
    server = OidcIssuer()
    await server.start()
    yield server
    await server.stop()
