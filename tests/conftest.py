"""Real servers for all tests: one Temporal dev server per session, bridges on free ports."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncGenerator

import pytest
from temporalio.client import Client

from tests.servers import TemporalServer

_status = 0


@pytest.fixture(scope="session")
async def temporal() -> AsyncGenerator[TemporalServer, None]:
    """A Temporal dev server that lives as long as the session."""
    async with TemporalServer.started() as server:
        yield server


@pytest.fixture(scope="session")
async def client(temporal: TemporalServer) -> Client:
    return await Client.connect(temporal.address)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    global _status
    _status = int(exitstatus)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """temporalio's core may crash while the interpreter ends, after a green run.

    https://github.com/temporalio/sdk-python/issues/300; can go when that is fixed.
    """
    if "temporalio" in sys.modules:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status)
