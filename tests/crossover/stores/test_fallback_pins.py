"""One replica's pins while its Redis is there, away, empty, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from crossover.flags.decision import Decision
from crossover.stores.fallback_pins import FallbackPins
from crossover.stores.pins import LocalPins
from testbed.redis import RedisServer
from tests.crossover.stores.flag_scene import until
from tests.crossover.stores.pin_scene import decision, otherwise, redis_pins
from tests.patience import BRIEF, PATIENCE
from tests.proxy import Proxy


def fallback(url: str, *, timeout: float = PATIENCE, look_every: float = 0.1) -> FallbackPins:
    return FallbackPins(redis_pins(url, timeout=timeout), LocalPins(), look_every=look_every)


@pytest.fixture
async def pins(redis: RedisServer) -> AsyncGenerator[FallbackPins, None]:
    async with fallback(redis.url) as pins:
        yield pins


async def in_redis(redis: RedisServer, wanted: Decision) -> Decision | None:
    shared = redis_pins(redis.url)
    try:
        return await shared.find(wanted.key)
    finally:
        await shared.aclose()


async def test_without_redis_decisions_are_pinned_here_and_shared_when_it_is_back(
    pins: FallbackPins, redis: RedisServer
) -> None:
    await redis.kill()
    made = [decision() for _ in range(100)]
    for each in made:
        assert await pins.pin(each) == each
        assert await pins.pin(otherwise(each)) == each
        assert await pins.find(each.key) == each
        assert pins.place(each.key) == "replica"
    assert pins.unsent == 100
    assert pins.degraded
    await redis.start()
    await until(lambda: pins.unsent == 0 and pins.degraded is None)
    async with fallback(redis.url) as other:
        for each in made:
            assert await other.pin(otherwise(each)) == each
            assert pins.place(each.key) == other.place(each.key) == "shared"
    assert pins.conflicts == 0


async def test_what_was_pinned_before_an_outage_holds_during_it(
    pins: FallbackPins, redis: RedisServer
) -> None:
    async with fallback(redis.url) as other:
        first = await other.pin(decision())
        assert await pins.pin(otherwise(first)) == first
    await redis.kill()
    assert await pins.pin(otherwise(first)) == first
    assert await pins.of_trace("acme", first.trace_id) == [first]


async def test_a_node_decided_twice_in_an_outage_is_counted_and_the_first_one_written_holds(
    redis: RedisServer,
) -> None:
    async with Proxy(redis.port) as proxy, fallback(f"redis://{proxy.address}") as cut:
        await proxy.refuse()
        here = await cut.pin(decision())
        async with fallback(redis.url) as other:
            there = await other.pin(otherwise(here))
            await proxy.listen()
            await until(lambda: cut.unsent == 0 and cut.degraded is None)
            assert await cut.pin(here) == there == await cut.find(here.key)
            assert (cut.conflicts, other.conflicts) == (1, 0)


async def test_a_decision_that_another_replica_made_before_is_no_conflict(
    pins: FallbackPins, redis: RedisServer
) -> None:
    async with fallback(redis.url) as other:
        first = await other.pin(decision())
    assert await pins.pin(otherwise(first)) == first
    assert pins.conflicts == 0


@pytest.mark.parametrize("ask", ["pin", "find"])
async def test_a_redis_that_was_wiped_gets_a_pin_again_when_it_is_asked_for(
    pins: FallbackPins, redis: RedisServer, ask: str
) -> None:
    first = await pins.pin(decision())
    await redis.command("FLUSHALL")
    assert await in_redis(redis, first) is None
    assert await (pins.pin(otherwise(first)) if ask == "pin" else pins.find(first.key)) == first
    assert await in_redis(redis, first) == first


async def test_a_black_hole_is_waited_for_once_and_later_decisions_do_not_ask_it(redis: RedisServer) -> None:
    async with (
        Proxy(redis.port) as proxy,
        fallback(f"redis://{proxy.address}", timeout=BRIEF) as pins,
    ):
        await pins.pin(decision())
        proxy.mode = "freeze"
        await asyncio.gather(*(pins.pin(decision()) for _ in range(50)))
        assert pins.degraded
        asked = proxy.connections
        for _ in range(1000):
            await pins.pin(decision())
        assert proxy.connections - asked < 100, "only the task that looks whether Redis is back asks it"
        assert pins.unsent == 1050
        proxy.mode = "forward"
        await until(lambda: pins.unsent == 0 and pins.degraded is None)


async def test_a_redis_that_flaps_never_changes_a_decision_and_gets_all_of_them(redis: RedisServer) -> None:
    made: list[Decision] = []
    async with Proxy(redis.port) as proxy, fallback(f"redis://{proxy.address}") as pins:
        for _ in range(5):
            await proxy.refuse()
            made += [await pins.pin(decision()) for _ in range(20)]
            await proxy.listen()
            await until(lambda: pins.degraded is None)
            made += [await pins.pin(decision()) for _ in range(20)]
        for each in made:
            assert await pins.pin(otherwise(each)) == each
        await until(lambda: pins.unsent == 0)
        assert pins.conflicts == 0
    async with fallback(redis.url) as other:
        for each in made:
            assert await other.find(each.key) == each


async def test_an_unreadable_pin_does_not_hold_up_the_others_when_redis_is_back(
    pins: FallbackPins, redis: RedisServer
) -> None:
    bad = await pins.pin(decision(node="wf.bad"))
    (key,) = [each for each in (await redis.command("KEYS", "*:pins:*")).decode().split() if "pins" in each]
    await redis.kill()
    await pins.pin(otherwise(bad))
    good = await pins.pin(decision())
    await redis.start()
    await redis.command("SET", key, "{}")
    await until(lambda: pins.unsent == 0 and pins.degraded is None)
    assert await in_redis(redis, good) == good
