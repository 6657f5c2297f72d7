"""What every implementation of Rates does: the one in this process, the one in Redis, and both together."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator

import pytest

from crossover.stores.fallback_rates import FallbackRates
from crossover.stores.rates import LocalRates, Rates
from testbed.redis import RedisServer
from tests.crossover.stores.audit_support import redis_rates
from tests.patience import PATIENCE

KEY = ("starts", "acme")
SLOW = 0.01
"""Grants per second: none comes by waiting while a test runs."""


@pytest.fixture(params=["local", "redis", "fallback"])
async def rates(request: pytest.FixtureRequest, shared_redis: RedisServer) -> AsyncGenerator[Rates, None]:
    in_redis = redis_rates(shared_redis.url, prefix=uuid.uuid4().hex)
    match request.param:
        case "local":
            yield LocalRates()
        case "redis":
            yield in_redis
        case _:
            yield FallbackRates(in_redis, share=0.5)
    await in_redis.aclose()


async def test_a_burst_is_granted_at_once_and_the_next_is_told_when(rates: Rates) -> None:
    assert [await rates.take(KEY, SLOW, 5) for _ in range(5)] == [0.0] * 5
    assert 0 < await rates.take(KEY, SLOW, 5) <= 100


async def test_a_refusal_costs_nothing(rates: Rates) -> None:
    await rates.take(KEY, SLOW, 1)
    waits = [await rates.take(KEY, SLOW, 1) for _ in range(20)]
    assert waits == sorted(waits, reverse=True)


async def test_after_the_wait_that_was_told_it_is_granted(rates: Rates) -> None:
    async with asyncio.timeout(PATIENCE):
        while (wait := await rates.take(KEY, 2, 1)) == 0.0:
            pass  # the first one, and those that a machine which stalled has earned
    assert wait <= 0.5
    await asyncio.sleep(wait + 0.005)
    assert await rates.take(KEY, 2, 1) == 0.0


async def test_keys_do_not_share_a_bucket_however_alike_they_look(rates: Rates) -> None:
    for key in [("a", "b/c"), ("a/b", "c"), ("a", "b", "c"), ("a%2Fb", "c"), ("a", "é"), ("a}", "c"), ("a",)]:
        assert await rates.take(key, SLOW, 1) == 0.0
        assert await rates.take(key, SLOW, 1) > 0


async def test_callers_at_once_get_no_more_than_the_burst(rates: Rates) -> None:
    waits = await asyncio.gather(*(rates.take(KEY, SLOW, 7) for _ in range(50)))
    assert waits.count(0.0) == 7


async def test_in_the_long_run_it_is_the_rate(rates: Rates) -> None:
    began = time.monotonic()
    for _ in range(50):
        if (wait := await rates.take(KEY, 50, 5)) > 0:
            assert wait <= 1 / 50
            await asyncio.sleep(wait + 0.005)
            assert await rates.take(KEY, 50, 5) == 0.0
    assert time.monotonic() - began >= (50 - 5) / 50


async def test_a_limit_that_is_raised_holds_at_once(rates: Rates) -> None:
    for _ in range(100):
        await rates.take(KEY, SLOW, 100)
    assert await rates.take(KEY, SLOW, 100) > 90
    assert await rates.take(KEY, 1000, 100) < 0.0011


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0), (float("nan"), 1), (float("inf"), 1)])
async def test_a_rate_that_is_none_is_an_error_of_value(rates: Rates, rate: float, burst: int) -> None:
    with pytest.raises(ValueError, match="a rate is above 0"):
        await rates.take(KEY, rate, burst)
