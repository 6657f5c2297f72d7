"""What only outcomes in Redis do: seen by all replicas, through floods, flushes and outages."""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

from crossover.flags.model import Variant
from crossover.stores.leases import StoreAway
from crossover.stores.outcomes import KEPT_PER_FLAG
from crossover.stores.redis_outcomes import COPIES, PAGE
from testbed.redis import RedisServer
from tests.crossover.stores.test_outcomes_contract import ANY, NOW, START, crossover, outcome, outcomes_on
from tests.patience import BRIEF
from tests.proxy import Proxy


async def test_replicas_tally_what_any_of_them_was_told(shared_redis: RedisServer) -> None:
    prefix = uuid.uuid4().hex
    one, other = (outcomes_on(shared_redis.url, prefix=prefix) for _ in range(2))
    for number in range(20):
        await (one, other)[number % 2].add(outcome())
        assert (await crossover(one)).count == (await crossover(other)).count == number + 1
    await one.aclose()
    await other.aclose()


async def test_a_replica_catches_up_on_more_than_one_page(shared_redis: RedisServer) -> None:
    prefix, count = uuid.uuid4().hex, 2 * PAGE + 1
    writer = outcomes_on(shared_redis.url, prefix=prefix, kept=KEPT_PER_FLAG)
    for number in range(count):
        await writer.add(outcome(id=str(number), tenant="acme" if number else "beta"))
    reader = outcomes_on(shared_redis.url, prefix=prefix, kept=KEPT_PER_FLAG)
    assert (await crossover(reader)).count == count
    assert [each.id for each in await reader.recent("beta", "enable_crossover", 1)] == ["0"]
    await writer.aclose()
    await reader.aclose()


async def test_after_a_flush_only_what_was_told_since_counts_for_every_replica(redis: RedisServer) -> None:
    one, other = outcomes_on(redis.url), outcomes_on(redis.url)
    for _ in range(5):
        await one.add(outcome())
    assert (await crossover(one)).count == (await crossover(other)).count == 5
    await redis.command("FLUSHALL")
    assert (await crossover(one)).count == 0
    await one.add(outcome())
    assert (await crossover(one)).count == (await crossover(other)).count == 1
    await one.aclose()
    await other.aclose()


async def test_a_replica_that_looked_away_while_all_was_trimmed_reads_what_is_left(
    shared_redis: RedisServer,
) -> None:
    prefix = uuid.uuid4().hex
    one, other = (outcomes_on(shared_redis.url, prefix=prefix, kept=10) for _ in range(2))
    await one.add(outcome(succeeded=False))
    assert (await crossover(other)).failed == 1
    for _ in range(30):
        await one.add(outcome())
    tally = await crossover(other)
    assert (tally.count, tally.failed) == (10, 0)
    await one.aclose()
    await other.aclose()


async def test_many_flags_are_tallied_though_few_copies_are_kept(shared_redis: RedisServer) -> None:
    store = outcomes_on(shared_redis.url, prefix=uuid.uuid4().hex)
    for _ in range(2):
        for number in range(COPIES + 3):
            await store.add(outcome(flag=f"flag_{number}", id="same"))
            assert (await store.tally(f"flag_{number}", Variant.CROSSOVER, START, ANY)).count == 1
    await store.aclose()


async def test_outcomes_leave_redis_by_themselves_after_30_days(redis: RedisServer) -> None:
    store = outcomes_on(redis.url)
    await store.add(outcome())
    reply = await redis.command("TTL", store.key("enable_crossover"))
    assert timedelta(days=29) < timedelta(seconds=int(reply[1:])) <= timedelta(days=30)
    assert (await crossover(store, since=NOW - timedelta(days=300))).count == 1
    await store.aclose()


async def test_an_entry_that_is_no_outcome_is_left_out(redis: RedisServer) -> None:
    store = outcomes_on(redis.url)
    await store.add(outcome())
    for text in ("nonsense", "[]", '{"side":"sideways"}', '{"side":"legacy"}'):
        quoted = "'" + text + "'"
        await redis.command("XADD", store.key("enable_crossover"), "*", "o", quoted)
    await store.add(outcome())
    assert await redis.command("XLEN", store.key("enable_crossover")) == b":6\r\n"
    assert (await crossover(store)).count == 2
    assert len(await store.recent(None, "enable_crossover", 10)) == 2
    await store.aclose()


async def test_a_redis_that_never_answers_is_said_to_be_away(redis: RedisServer) -> None:
    async with Proxy(redis.port) as proxy:
        store = outcomes_on(f"redis://{proxy.address}", timeout=BRIEF)
        await store.add(outcome())
        proxy.mode = "freeze"
        calls = (store.add(outcome()), crossover(store), store.recent(None, "enable_crossover", 1))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert {type(each) for each in answers} == {StoreAway}
        proxy.mode = "forward"
        await store.aclose()
