"""What only flags in Redis do: their history is long."""

from __future__ import annotations

from testbed.redis import RedisServer
from tests.crossover.stores.flag_scene import redis_flags, written


async def test_the_last_1000_versions_are_kept(redis: RedisServer) -> None:
    store = redis_flags(redis.url)
    versions = await written(store, *(number / 1000 for number in range(1003)))
    assert await store.history(limit=1000) == versions[:-1001:-1]
    assert await store.digest_of(4) == versions[3].digest
    await store.aclose()
