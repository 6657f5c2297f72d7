"""The arithmetic of rates, and rates while Redis is there, away, empty and back."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.stores.fallback_rates import FallbackRates
from crossover.stores.leases import StoreAway
from crossover.stores.rates import LocalRates, grant
from testbed.redis import RedisServer
from tests.crossover.stores.audit_support import redis_rates
from tests.patience import BRIEF, PATIENCE
from tests.proxy import Proxy

KEY = ("starts", "acme")
SLOW = 0.01


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(st.floats(0.001, 1000), st.integers(1, 50), st.lists(st.floats(0, 10), min_size=1, max_size=100))
def test_no_span_of_time_sees_more_than_a_burst_and_the_rate(
    rate: float, burst: int, pauses: list[float]
) -> None:
    full_at, now, granted = 0.0, 1000.0, list[float]()
    for pause in pauses:
        now += pause
        full_at, wait = grant(full_at, now, 1 / rate, burst)
        assert 0 <= wait <= 1 / rate * (1 + 1e-6)
        if wait == 0.0:
            granted.append(now)
    for first in range(len(granted)):
        for last in range(first, len(granted)):
            allowed = burst + (granted[last] - granted[first]) * rate
            assert last - first + 1 <= allowed + 1e-3 * rate + 1e-6 * len(granted)


@given(st.floats(0.01, 1000), st.integers(1, 50), st.floats(-1e6, 1e9))
def test_a_clock_that_was_set_back_makes_nobody_wait_longer_than_one_interval(
    rate: float, burst: int, full_at: float
) -> None:
    _, wait = grant(full_at, 1000.0, 1 / rate, burst)
    assert wait <= 1 / rate * (1 + 1e-6)


async def test_full_buckets_are_forgotten() -> None:
    clock = Clock()
    rates = LocalRates(clock)
    for number in range(25_000):
        clock.now += 0.001
        await rates.take((str(number),), 1, 1)
    assert len(rates._full_at) <= 10_000


async def test_a_full_bucket_leaves_nothing_in_redis(redis: RedisServer) -> None:
    rates = redis_rates(redis.url)
    await rates.take(KEY, 0.5, 2)
    assert await redis.command("DBSIZE") == b":1\r\n"
    async with asyncio.timeout(PATIENCE):
        while await redis.command("DBSIZE") != b":0\r\n":
            await asyncio.sleep(0.02)
    await rates.aclose()


async def test_what_somebody_else_wrote_into_a_bucket_is_told_as_a_refusal_by_redis(
    redis: RedisServer,
) -> None:
    rates = redis_rates(redis.url)
    await redis.command("LPUSH", rates.key(KEY), "x")
    with pytest.raises(StoreAway, match="WRONGTYPE"):
        await rates.take(KEY, 1, 1)
    await rates.aclose()


async def test_replicas_share_one_bucket(shared_redis: RedisServer) -> None:
    replicas = [redis_rates(shared_redis.url, prefix="shared-rates") for _ in range(3)]
    waits = await asyncio.gather(*(each.take(KEY, SLOW, 10) for each in replicas for _ in range(20)))
    assert waits.count(0.0) == 10
    for each in replicas:
        await each.aclose()


@pytest.mark.parametrize("fault", ["black hole", "refused"])
async def test_while_redis_is_away_a_replica_grants_its_share_and_nobody_waits(
    redis: RedisServer, fault: str
) -> None:
    async with Proxy(redis.port) as proxy:
        store = redis_rates(f"redis://{proxy.address}", timeout=BRIEF)
        rates = FallbackRates(store, share=0.25, look_every=600)
        await store.take(KEY, SLOW, 20)  # by a connection that is open when the trouble begins
        if fault == "refused":
            await proxy.refuse()
        proxy.mode = "freeze"
        waits = await asyncio.gather(*(rates.take(KEY, SLOW, 20) for _ in range(50)))
        assert waits.count(0.0) == 5
        assert rates.degraded is not None
        asked = proxy.connections, proxy.writes
        for _ in range(100):
            assert await rates.take(KEY, SLOW, 20) > 0
        assert (proxy.connections, proxy.writes) == asked, "those after the first do not ask Redis"
        proxy.mode = "forward"
        await rates.aclose()


async def test_once_a_second_one_call_alone_looks_whether_redis_is_back(redis: RedisServer) -> None:
    clock = Clock()
    async with Proxy(redis.port) as proxy:
        store = redis_rates(f"redis://{proxy.address}", timeout=BRIEF)
        rates = FallbackRates(store, share=0.5, clock=clock)
        proxy.mode = "freeze"
        await rates.take(KEY, SLOW, 4)
        clock.now += 1
        looking, *others = (asyncio.create_task(rates.take(KEY, SLOW, 4)) for _ in range(20))
        done, _ = await asyncio.wait({looking, *others}, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(*others)
        assert done <= set(others), "nobody waits for the one that looks"
        await looking
        assert rates.degraded is not None
        proxy.mode = "forward"
        async with asyncio.timeout(PATIENCE):
            while rates.degraded is not None:
                clock.now += 1
                await rates.take(KEY, SLOW, 4)
        await rates.aclose()


async def test_a_redis_that_was_killed_and_came_back_empty_counts_again(redis: RedisServer) -> None:
    clock = Clock()
    rates = FallbackRates(redis_rates(redis.url), share=1, clock=clock)
    await rates.take(KEY, SLOW, 1)
    assert await rates.take(KEY, SLOW, 1) > 0
    await redis.kill()
    assert await rates.take(KEY, SLOW, 1) == 0.0
    assert await rates.take(KEY, SLOW, 1) > 0
    await redis.start()
    async with asyncio.timeout(PATIENCE):
        while rates.degraded is not None:
            clock.now += 1
            await rates.take(KEY, SLOW, 1)
    assert await rates.take(KEY, SLOW, 1) > 0
    await rates.aclose()


@pytest.mark.parametrize("share", [0, -1, 1.5])
async def test_a_share_is_a_part_of_the_whole(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        FallbackRates(LocalRates(), share=share)
