"""A subscription hears every message, and ends soon after its connection."""

from __future__ import annotations

import asyncio

import pytest

from crossover.stores.leases import StoreAway
from testbed.redis import RedisServer
from tests.crossover.stores.flag_scene import building, kept, redis_flags, until, written
from tests.patience import BRIEF, PATIENCE
from tests.proxy import Proxy


async def test_a_quiet_subscription_stays_open(redis: RedisServer) -> None:
    async with Proxy(redis.port) as proxy:
        store = redis_flags(f"redis://{proxy.address}", silence=BRIEF)
        async with store.changes() as changes, asyncio.timeout(PATIENCE):
            heard = asyncio.ensure_future(anext(changes))
            asked = proxy.writes
            await until(lambda: proxy.writes >= asked + 2)
            assert not heard.done(), "it was asked twice whether it lives, and nothing was published"
            await written(store, 1)
            await heard
        await store.aclose()


@pytest.mark.parametrize("fault", ["freeze", "cut", "kill"])
async def test_a_subscription_ends_when_its_connection_does(redis: RedisServer, fault: str) -> None:
    async with Proxy(redis.port) as proxy:
        store = redis_flags(f"redis://{proxy.address}", silence=0.3)
        async with store.changes() as changes, asyncio.timeout(PATIENCE):
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
        async with kept(redis_flags(shared_redis.url, "cancelled", silence=0.3), poll=0.05) as (keeper,):
            await asyncio.sleep(0.29 + 0.001 * step)  # around its silence
            async with asyncio.timeout(PATIENCE):
                await keeper.put(building(step / 10), None)


async def test_without_redis_there_is_no_subscription(redis: RedisServer) -> None:
    store = redis_flags(redis.url)
    await redis.kill()
    with pytest.raises(StoreAway):
        async with store.changes():
            raise AssertionError("there is no connection")
    await store.aclose()
