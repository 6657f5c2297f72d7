"""A subscription hears every message, and ends soon after its connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from crossover.stores.leases import StoreAway
from testbed.redis import RedisServer
from tests.crossover.stores.flag_scene import building, kept, redis_flags, written
from tests.proxy import Proxy


async def test_a_quiet_subscription_stays_open(shared_redis: RedisServer) -> None:
    store = redis_flags(shared_redis.url, "quiet")
    async with store.changes() as changes:
        with suppress(TimeoutError):
            async with asyncio.timeout(1):  # more than three times its silence
                await anext(changes)
                raise AssertionError("nothing was published")
    async with store.changes() as changes, asyncio.timeout(5):
        await written(store, 1)
        await anext(changes)
    await store.aclose()


@pytest.mark.parametrize("fault", ["freeze", "cut", "kill"])
async def test_a_subscription_ends_when_its_connection_does(redis: RedisServer, fault: str) -> None:
    async with Proxy(redis.port) as proxy:
        store = redis_flags(f"redis://{proxy.address}")
        async with store.changes() as changes, asyncio.timeout(5):
            if fault == "freeze":
                proxy.mode = "freeze"
            elif fault == "cut":
                await proxy.refuse()
            else:
                await redis.kill()
            assert [each async for each in changes] == []
        proxy.mode = "forward"
        await store.aclose()


async def test_one_that_follows_can_be_cancelled_at_any_moment(shared_redis: RedisServer) -> None:
    """redis-py before Python 3.12 may lose a cancellation, most often when it sends, which is when it asks
    whether a quiet subscription still lives."""
    for step in range(25):
        async with kept(redis_flags(shared_redis.url, "cancelled", timeout=3), poll=0.05) as (keeper,):
            await asyncio.sleep(0.29 + 0.001 * step)  # around its silence
            async with asyncio.timeout(5):
                await keeper.put(building(step / 10), None)


async def test_without_redis_there_is_no_subscription(redis: RedisServer) -> None:
    store = redis_flags(redis.url)
    await redis.kill()
    with pytest.raises(StoreAway):
        async with store.changes():
            raise AssertionError("there is no connection")
    await store.aclose()
