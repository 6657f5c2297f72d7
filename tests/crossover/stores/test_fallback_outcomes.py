"""Telling outcomes while Redis is there, away, silent, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from crossover.stores.fallback_outcomes import FallbackOutcomes
from crossover.stores.leases import StoreAway
from testbed.redis import RedisServer
from tests.crossover.stores.test_outcomes_contract import crossover, outcome, outcomes_on
from tests.patience import BRIEF, PATIENCE
from tests.proxy import Proxy


def fallback_on(
    url: str, *, waiting: int = 1000, timeout: float = PATIENCE, look_every: float = 0.1
) -> FallbackOutcomes:
    store = outcomes_on(url, kept=1000, timeout=timeout)
    return FallbackOutcomes(store, waiting=waiting, look_every=look_every)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.02)


async def test_what_was_told_is_tallied_at_once(redis: RedisServer) -> None:
    async with fallback_on(redis.url) as outcomes:
        await asyncio.gather(*[outcomes.add(outcome()) for _ in range(50)])
        assert (await crossover(outcomes)).count == 50
        assert len(await outcomes.recent("acme", "enable_crossover", 10)) == 10
        assert outcomes.waiting == 0


async def test_outcomes_told_in_an_outage_are_in_redis_when_it_is_back(redis: RedisServer) -> None:
    async with fallback_on(redis.url) as outcomes:
        await redis.kill()
        for number in range(100):
            await outcomes.add(outcome(id=str(number), duration=float(number)))
        with pytest.raises(StoreAway):
            await crossover(outcomes)
        assert outcomes.waiting == 100
        assert outcomes.degraded is not None
        await redis.start()
        await until(lambda: outcomes.waiting == 0)
        await until(lambda: outcomes.degraded is None)
        newest_first = await outcomes.recent(None, "enable_crossover", 1000)
        assert [each.id for each in newest_first] == [str(number) for number in range(99, -1, -1)]
        await outcomes.add(outcome())
        assert (await crossover(outcomes)).count == 101


async def test_the_later_telling_counts_though_both_waited(redis: RedisServer) -> None:
    async with fallback_on(redis.url) as outcomes:
        await redis.kill()
        await outcomes.add(outcome(id="one", succeeded=False))
        await outcomes.add(outcome(id="one"))
        await redis.start()
        await until(lambda: outcomes.degraded is None)
        tally = await crossover(outcomes)
        assert (tally.count, tally.failed) == (1, 0)


async def test_a_black_hole_is_waited_for_by_the_first_outcome_and_not_by_the_next(
    redis: RedisServer,
) -> None:
    async with (
        Proxy(redis.port) as proxy,
        fallback_on(f"redis://{proxy.address}", waiting=2000, timeout=BRIEF) as outcomes,
    ):
        await outcomes.add(outcome())
        proxy.mode = "freeze"
        await outcomes.add(outcome())
        asked = proxy.connections
        for _ in range(1000):
            await outcomes.add(outcome())
        assert proxy.connections - asked < 100, "only the one that looks whether Redis is back asks it"
        assert outcomes.waiting == 1001
        proxy.mode = "forward"
        await until(lambda: outcomes.waiting == 0)


async def test_beyond_its_room_the_oldest_are_lost_and_counted(redis: RedisServer) -> None:
    async with fallback_on(redis.url, waiting=10) as outcomes:
        await redis.kill()
        for number in range(25):
            await outcomes.add(outcome(id=str(number)))
        assert (outcomes.waiting, outcomes.lost) == (10, 15)
        await redis.start()
        await until(lambda: outcomes.waiting == 0)
        kept = {each.id for each in await outcomes.recent(None, "enable_crossover", 100)}
        assert kept == {str(number) for number in range(15, 25)}


async def test_a_caller_that_goes_away_in_the_middle_loses_no_outcome(redis: RedisServer) -> None:
    async with fallback_on(redis.url) as outcomes:
        for step in range(50):
            task = asyncio.create_task(outcomes.add(outcome(id=str(step))))
            await asyncio.sleep(0.0001 * (step + 1))
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await until(lambda: outcomes.waiting == 0)
        assert (await crossover(outcomes)).count == 50


async def test_a_redis_that_flaps_loses_no_outcome(redis: RedisServer) -> None:
    async with Proxy(redis.port) as proxy, fallback_on(f"redis://{proxy.address}") as outcomes:
        for flap in range(5):
            for number in range(20):
                await outcomes.add(outcome(id=f"{flap}-up-{number}"))
            await proxy.refuse()
            for number in range(20):
                await outcomes.add(outcome(id=f"{flap}-down-{number}"))
            await proxy.listen()
            await until(lambda: outcomes.degraded is None)
        assert (await crossover(outcomes)).count == 200
