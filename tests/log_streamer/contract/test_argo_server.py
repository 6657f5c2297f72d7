"""The contract, on the Argo Server."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from log_streamer.sources.argo_server.client import ArgoServer
from tests.log_streamer.argo_server_program import ArgoServerProgram
from tests.log_streamer.contract.argo_server_backend import ArgoServerBackend, ArgoServerLocatorBackend
from tests.log_streamer.contract.backend import Backend, LocatorBackend
from tests.log_streamer.contract.locator import LocatorContract
from tests.log_streamer.contract.log_source import LogSourceContract


@pytest.fixture
async def program() -> AsyncGenerator[ArgoServerProgram, None]:
    async with ArgoServerProgram() as program:
        yield program


@pytest.fixture
async def server(program: ArgoServerProgram) -> AsyncGenerator[ArgoServer, None]:
    server = ArgoServer(program.url)
    yield server
    await server.close()


class TestServerLogs(LogSourceContract):
    @pytest.fixture
    async def backend(self, program: ArgoServerProgram, server: ArgoServer) -> Backend:
        return ArgoServerBackend(program, server)


class TestServerWorkflowLocator(LocatorContract):
    @pytest.fixture
    async def backend(self, program: ArgoServerProgram, server: ArgoServer) -> LocatorBackend:
        return ArgoServerLocatorBackend(program, server)
