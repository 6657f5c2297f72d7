"""The limiter of one replica, while its Redis is there, away, empty, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import pytest

from crossover.stores.fallback_leases import FallbackLeases
from crossover.stores.leases import Lease, Limits, Refused, Scope
from testbed.redis import RedisServer
from tests.crossover.stores.conftest import LEASE, leases_on
from tests.patience import BRIEF, PATIENCE
from tests.proxy import Proxy

LIMITS = Limits(principal=60, tenant=60, cluster=60)
CAP = 5


LASTING = 15.0
"""Seconds: a lease that is renewed while a test waits, and lasts while a machine stalls."""


def limiter_on(
    url: str, *, lease: float = LASTING, timeout: float = PATIENCE, look_every: float = 0.1
) -> FallbackLeases:
    store = leases_on(url, lease=lease, timeout=timeout)
    return FallbackLeases(store, lease=lease, local_cap=CAP, look_every=look_every)


@pytest.fixture
async def limiter(redis: RedisServer) -> AsyncGenerator[FallbackLeases, None]:
    async with limiter_on(redis.url) as limiter:
        yield limiter


async def opened(limiter: FallbackLeases, count: int, limits: Limits = LIMITS) -> list[Lease]:
    return [await limiter.acquire(limits.claims("acme", "ada")) for _ in range(count)]


async def in_redis(redis: RedisServer) -> int:
    """How many streams hold a slot of the cluster."""
    try:
        reply = await redis.command("ZCARD", "{crossover}:streams:cluster:")
    except OSError:
        return -1
    return int(reply[1:])


async def until(condition: Callable[[], bool], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)


async def until_in_redis(redis: RedisServer, count: int, within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while await in_redis(redis) != count:
            await asyncio.sleep(0.02)


async def test_a_closed_stream_gives_its_slots_back_at_once(redis: RedisServer) -> None:
    async with limiter_on(redis.url, lease=600) as limiter:
        leases = await opened(limiter, 3)
        assert await in_redis(redis) == 3
        limiter.release(leases[0])
        limiter.release(leases[0])
        await until_in_redis(redis, 2)
        assert limiter.live == 2


async def test_a_limiter_that_ends_gives_back_all_its_slots(redis: RedisServer) -> None:
    async with limiter_on(redis.url) as limiter:
        await opened(limiter, 7)
        assert await in_redis(redis) == 7
    assert await in_redis(redis) == 0


async def test_open_streams_renew_their_slots_before_a_lease_is_over(redis: RedisServer) -> None:
    async with limiter_on(redis.url, lease=6.0) as limiter:
        await opened(limiter, 4)
        first = await first_end(redis)
        async with asyncio.timeout(PATIENCE):
            while await first_end(redis) == first:
                await asyncio.sleep(0.1)
        assert await in_redis(redis) == 4
        assert await first_end(redis) > first


async def first_end(redis: RedisServer) -> int:
    """When the first slot of the cluster runs out: milliseconds of Redis' clock."""
    reply = await redis.command("ZRANGE", "{crossover}:streams:cluster:", "0", "0", "WITHSCORES")
    return int(reply.split()[-1])


async def test_a_call_that_is_cancelled_leaves_no_slot_behind(redis: RedisServer) -> None:
    async with Proxy(redis.port) as proxy, limiter_on(f"redis://{proxy.address}", lease=600) as limiter:
        for step in range(100):
            task = asyncio.create_task(limiter.acquire(LIMITS.claims("acme", "ada")))
            await asyncio.sleep(0.0001 * step)
            task.cancel()
            for lease in await asyncio.gather(task, return_exceptions=True):
                if isinstance(lease, Lease):
                    limiter.release(lease)
        assert limiter.live == 0
        await until_in_redis(redis, 0)


async def test_redis_killed_and_restarted_under_50_streams(
    limiter: FallbackLeases, redis: RedisServer
) -> None:
    leases = await opened(limiter, 50)
    await redis.kill()
    with pytest.raises(Refused) as refused:
        await opened(limiter, 1)
    assert (refused.value.scope, refused.value.limit) == (Scope.REPLICA, CAP)
    assert limiter.degraded
    assert limiter.live == 50
    limiter.release(leases.pop())

    await redis.start()
    await until_in_redis(redis, 49)
    await until(lambda: limiter.degraded is None)
    await opened(limiter, 11)
    with pytest.raises(Refused) as refused:
        await opened(limiter, 1)
    assert refused.value.scope is Scope.PRINCIPAL


async def test_without_redis_the_local_cap_is_exact_and_counts_every_stream(
    limiter: FallbackLeases, redis: RedisServer
) -> None:
    early = await opened(limiter, 2)
    await redis.kill()
    tries = [limiter.acquire(LIMITS.claims("acme", "ada")) for _ in range(20)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(each, Lease) for each in outcomes) == CAP - 2
    assert limiter.live == CAP
    limiter.release(early[0])
    await opened(limiter, 1)
    with pytest.raises(Refused):
        await opened(limiter, 1)


async def test_without_redis_the_limits_of_the_scopes_hold_within_the_replica(
    limiter: FallbackLeases, redis: RedisServer
) -> None:
    await redis.kill()
    await opened(limiter, 1, Limits(principal=1, tenant=9, cluster=9))
    with pytest.raises(Refused) as refused:
        await opened(limiter, 1, Limits(principal=1, tenant=9, cluster=9))
    assert refused.value.scope is Scope.PRINCIPAL


async def test_a_replica_that_starts_without_redis_admits_its_cap_and_joins_later(redis: RedisServer) -> None:
    await redis.kill()
    async with limiter_on(redis.url) as limiter:
        await opened(limiter, CAP)
        await redis.start()
        await until_in_redis(redis, CAP)


async def test_after_a_flush_every_stream_has_its_slots_again_at_the_next_renewal(redis: RedisServer) -> None:
    async with limiter_on(redis.url, lease=LEASE) as limiter:
        await opened(limiter, 30)
        await redis.command("FLUSHALL")
        await until_in_redis(redis, 30)
        assert limiter.degraded is None


async def test_streams_that_come_back_may_exceed_the_limit_and_new_ones_wait_for_room(
    limiter: FallbackLeases, redis: RedisServer
) -> None:
    small = Limits(principal=6, tenant=6, cluster=6)
    mine = await opened(limiter, 4, small)
    await redis.command("FLUSHALL")
    async with limiter_on(redis.url) as other:
        theirs = await opened(other, 4, small)
        await until_in_redis(redis, 8)
        for lease in mine[:2]:
            with pytest.raises(Refused):
                await opened(other, 1, small)
            limiter.release(lease)
        await until_in_redis(redis, 6)
        with pytest.raises(Refused):
            await opened(other, 1, small)
        other.release(theirs[0])
        await until_in_redis(redis, 5)
        await opened(other, 1, small)


async def test_a_black_hole_is_asked_by_the_first_stream_and_not_by_the_next(redis: RedisServer) -> None:
    async with (
        Proxy(redis.port) as proxy,
        limiter_on(f"redis://{proxy.address}", lease=600, timeout=BRIEF, look_every=600) as limiter,
    ):
        await opened(limiter, 1)
        proxy.mode = "freeze"
        await opened(limiter, 1)
        asked = proxy.connections, proxy.writes
        await opened(limiter, 3)
        assert (proxy.connections, proxy.writes) == asked
        assert limiter.degraded is not None
        assert "does not answer" in limiter.degraded


async def test_a_black_hole_that_ends_is_noticed_and_the_streams_take_their_slots(redis: RedisServer) -> None:
    async with (
        Proxy(redis.port) as proxy,
        limiter_on(f"redis://{proxy.address}", timeout=BRIEF) as limiter,
    ):
        await opened(limiter, 1)
        proxy.mode = "freeze"
        await opened(limiter, 4)
        assert limiter.degraded is not None
        proxy.mode = "forward"
        await until(lambda: limiter.degraded is None)
        await until_in_redis(redis, 5)


async def test_a_redis_that_flaps_never_ends_a_stream(redis: RedisServer) -> None:
    async with Proxy(redis.port) as proxy, limiter_on(f"redis://{proxy.address}", lease=LEASE) as limiter:
        await opened(limiter, 50)
        outages = 0
        for _ in range(5):
            await proxy.refuse()
            await until(lambda: limiter.degraded is not None)
            outages += 1
            await proxy.listen()
            await until(lambda: limiter.degraded is None)
        assert outages == 5
        assert limiter.live == 50
        await until_in_redis(redis, 50)
