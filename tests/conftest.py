"""Real servers for all tests: one Temporal dev server per session, bridges on free ports."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import AsyncGenerator

import pytest
import structlog
from hypothesis import HealthCheck, settings
from temporalio.client import Client

from testbed.servers import TemporalServer


@pytest.fixture(scope="session")
async def temporal() -> AsyncGenerator[TemporalServer, None]:
    """A Temporal dev server that lives as long as the session."""
    async with TemporalServer.started() as server:
        yield server


@pytest.fixture(scope="session")
async def client(temporal: TemporalServer) -> Client:
    return await Client.connect(temporal.address)


def pytest_configure() -> None:
    """Apps in this process log through pytest's capture, with plain tracebacks as in a real server.

    Hypothesis by itself fails an example that takes 200 ms, which on a machine that stalls any may; and tries
    others each time, so that one run would say something else than the next.
    """
    settings.register_profile(
        "steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
    )
    settings.load_profile("steady")
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()],
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


def pytest_sessionfinish(exitstatus: int) -> None:
    """temporalio's core may crash while the interpreter ends, after a green run.

    https://github.com/temporalio/sdk-python/issues/300; can go when that is fixed.
    """
    atexit.register(_leave, int(exitstatus))


def _leave(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
