"""The contract, on a container engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from log_streamer.sources.docker.engine import Engine
from tests.log_streamer.contract.backend import Backend, LocatorBackend
from tests.log_streamer.contract.docker_backend import DockerBackend, DockerLocatorBackend
from tests.log_streamer.contract.locator import LocatorContract
from tests.log_streamer.contract.log_source import LogSourceContract
from tests.log_streamer.docker_server import DockerProgram


@pytest.fixture
async def program(tmp_path: Path) -> AsyncGenerator[DockerProgram, None]:
    async with DockerProgram(tmp_path / "engine.sock") as program:
        yield program


@pytest.fixture
async def engine(program: DockerProgram) -> AsyncGenerator[Engine, None]:
    engine = Engine(program.socket)
    yield engine
    await engine.close()


class TestDockerLogs(LogSourceContract):
    @pytest.fixture
    async def backend(self, program: DockerProgram, engine: Engine) -> Backend:
        return DockerBackend(program, engine)


class TestLogsOfTerminals(LogSourceContract):
    @pytest.fixture
    async def backend(self, program: DockerProgram, engine: Engine) -> Backend:
        return DockerBackend(program, engine, tty=True)


class TestDockerLocator(LocatorContract):
    @pytest.fixture
    async def backend(self, program: DockerProgram, engine: Engine) -> LocatorBackend:
        return DockerLocatorBackend(program, engine)
