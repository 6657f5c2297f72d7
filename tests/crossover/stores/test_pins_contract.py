"""What all Pins do: the local ones, those in Redis, and those in Redis with the local ones behind."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

import pytest

from crossover.flags.model import Variant
from crossover.stores.fallback_pins import FallbackPins
from crossover.stores.pins import LocalPins, Pins
from testbed.redis import RedisServer
from tests.crossover.stores.pin_scene import decision, otherwise, redis_pins
from tests.patience import PATIENCE


@pytest.fixture(params=["local", "redis", "fallback"])
async def pins(request: pytest.FixtureRequest, shared_redis: RedisServer) -> AsyncGenerator[Pins, None]:
    async with AsyncExitStack() as stack:
        if request.param == "local":
            yield LocalPins()
            return
        shared = redis_pins(shared_redis.url, uuid.uuid4().hex)
        if request.param == "redis":
            yield shared
            await shared.aclose()
            return
        yield await stack.enter_async_context(FallbackPins(shared, LocalPins()))


async def test_the_first_decision_of_a_node_holds_for_every_later_one(pins: Pins) -> None:
    first = decision()
    assert await pins.pin(first) == first
    assert await pins.pin(first) == first
    assert await pins.pin(otherwise(first)) == first
    assert await pins.find(first.key) == first


async def test_a_node_that_was_never_decided_is_not_found(pins: Pins) -> None:
    assert await pins.find(decision().key) is None


async def test_of_many_that_decide_one_node_at_once_all_get_the_same(pins: Pins) -> None:
    first = decision()
    tries = [first if number % 2 else otherwise(first) for number in range(50)]
    held = await asyncio.gather(*(pins.pin(each) for each in tries))
    assert all(each == held[0] for each in held)


async def test_nodes_whose_names_look_alike_are_decided_apart(pins: Pins) -> None:
    alike = [decision(node=name) for name in ("wf.a", "wf.a/b", "wf.a%2Fb", "wf.a(0)", "wf.A", "wf.ä")]
    alike += [decision(tenant="other", node="wf.a")]
    for each in alike:
        assert await pins.pin(each) == each
    for each in alike:
        assert await pins.find(each.key) == each


async def test_a_trace_lists_its_tenants_decisions_in_order(pins: Pins) -> None:
    trace = f"trace-{uuid.uuid4()}"
    mine = [decision(trace_id=trace) for _ in range(5)]
    await asyncio.gather(
        *(pins.pin(each) for each in (*mine[::-1], decision(trace_id=trace, tenant="other"), decision()))
    )
    await pins.pin(otherwise(mine[2]))
    assert await pins.of_trace("acme", trace) == mine
    assert await pins.of_trace("acme", "no-such-trace") == []


async def test_of_a_long_trace_the_newest_500_are_listed(pins: Pins) -> None:
    trace = f"trace-{uuid.uuid4()}"
    mine = [decision(trace_id=trace) for _ in range(510)]
    for start in range(0, 510, 30):
        await asyncio.gather(*(pins.pin(each) for each in mine[start : start + 30]))
    assert await pins.of_trace("acme", trace) == mine[10:]
    assert await pins.find(mine[0].key) == mine[0]


async def test_local_pins_forget_what_was_not_asked_for_the_longest() -> None:
    pins = LocalPins(capacity=3)
    first, second, third, fourth = (decision(trace_id="t") for _ in range(4))
    for each in (first, second, third):
        await pins.pin(each)
    await pins.find(first.key)
    await pins.pin(fourth)
    assert await pins.of_trace("acme", "t") == [first, third, fourth]
    assert await pins.find(second.key) is None
    assert len(pins) == 3


async def test_a_pin_in_redis_expires_unless_it_is_asked_for(redis: RedisServer) -> None:
    pins, longer = redis_pins(redis.url, days=6 / 86400), redis_pins(redis.url, days=1)
    asked, forgotten = decision(), decision()
    await pins.pin(asked)
    await pins.pin(forgotten)
    assert await longer.pin(otherwise(asked)) == asked
    async with asyncio.timeout(PATIENCE):
        while (await redis.command("DBSIZE")).strip() != b":2":
            await asyncio.sleep(0.1)
    assert await pins.find(forgotten.key) is None
    assert await pins.find(asked.key) == asked
    assert await pins.of_trace("acme", "trace") == [asked]
    await pins.aclose()
    await longer.aclose()


async def test_a_pin_that_cannot_be_read_is_an_error_and_never_decided_anew(redis: RedisServer) -> None:
    pins, pinned = redis_pins(redis.url), decision(Variant.SHADOW, node="wf.a")
    await pins.pin(pinned)
    (key,) = [each for each in (await redis.command("KEYS", "*:pins:*")).decode().split() if "pins" in each]
    await redis.command("SET", key, "{}")
    with pytest.raises(ValueError, match="no decision"):
        await pins.pin(pinned)
    await pins.aclose()
