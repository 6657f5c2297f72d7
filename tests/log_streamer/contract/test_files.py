"""The contract, on files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.log_streamer.contract.backend import Backend, LocatorBackend
from tests.log_streamer.contract.files_backend import ProcessBackend, RunnerBackend, RunnerLocatorBackend
from tests.log_streamer.contract.locator import LocatorContract
from tests.log_streamer.contract.log_source import LogSourceContract


class TestRunnerLogs(LogSourceContract):
    @pytest.fixture
    async def backend(self, tmp_path: Path) -> Backend:
        return RunnerBackend(tmp_path)


class TestProcessLogs(LogSourceContract):
    @pytest.fixture
    async def backend(self, tmp_path: Path) -> Backend:
        return ProcessBackend(tmp_path)


class TestRunnerLocator(LocatorContract):
    @pytest.fixture
    async def backend(self, tmp_path: Path) -> LocatorBackend:
        return RunnerLocatorBackend(tmp_path)
