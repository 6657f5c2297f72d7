"""A real Redis for these tests, and leases on it."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from crossover.stores.leases import Leases
from crossover.stores.redis_client import RedisAccess, connect
from crossover.stores.redis_leases import RedisLeases
from crossover.stores.redis_url import parse_redis_url
from testbed.redis import RedisServer
from tests.patience import PATIENCE

LEASE = 1.5
"""Seconds: short enough to wait for. A machine that stalls longer loses slots, so tests of other things
have leases that last."""


def leases_on(
    url: str, *, prefix: str = "crossover", lease: float = 600, timeout: float = PATIENCE
) -> RedisLeases:
    client = connect(parse_redis_url(url), RedisAccess(), timeout=timeout * 0.75)
    return RedisLeases(client, lease=lease, timeout=timeout, prefix=prefix)


@pytest.fixture(scope="session")
async def shared_redis() -> AsyncGenerator[RedisServer, None]:
    async with RedisServer() as server:
        yield server


@pytest.fixture
async def redis() -> AsyncGenerator[RedisServer, None]:
    """A Redis that a test may kill."""
    async with RedisServer() as server:
        yield server


Open = Callable[[], Awaitable[Leases]]


@contextlib.asynccontextmanager
async def redis_replicas(server: RedisServer) -> AsyncGenerator[Open, None]:
    """Each call opens one more replica's view of the same slots."""
    prefix, opened = uuid.uuid4().hex, list[RedisLeases]()

    async def opening() -> RedisLeases:
        opened.append(leases_on(server.url, prefix=prefix))
        return opened[-1]

    try:
        yield opening
    finally:
        for each in opened:
            await each.aclose()
