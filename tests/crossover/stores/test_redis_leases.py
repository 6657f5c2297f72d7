"""What only slots in Redis do: run out by themselves, and put up with all that a network does."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.stores.leases import Claim, Lease, Limits, Refused, Scope, StoreAway
from crossover.stores.redis_client import RedisClient
from crossover.stores.redis_leases import RedisLeases
from testbed.redis import RedisServer
from testbed.servers import Program
from tests.crossover.stores.conftest import LEASE, leases_on
from tests.patience import BRIEF, PATIENCE
from tests.proxy import Proxy

ONE = Limits(principal=1, tenant=1, cluster=1)


def lease(limits: Limits = ONE) -> Lease:
    return Lease(limits.claims("acme", "ada"))


async def until_admitted(leases: RedisLeases, wanted: Lease) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await admitted(leases, wanted):
            await asyncio.sleep(0.05)


async def admitted(leases: RedisLeases, wanted: Lease) -> bool:
    with suppress(Refused):
        await leases.acquire(wanted)
        return True
    return False


async def test_slots_that_nobody_renews_are_free_after_the_lease_time(shared_redis: RedisServer) -> None:
    leases = leases_on(shared_redis.url, prefix="expiring", lease=LEASE)
    began = time.monotonic()
    await leases.acquire(lease())
    await until_admitted(leases, lease())
    assert time.monotonic() - began > 0.99 * LEASE
    await leases.aclose()


async def test_renewed_slots_outlive_the_lease_time(shared_redis: RedisServer) -> None:
    leases = leases_on(shared_redis.url, prefix="renewed", lease=LEASE)
    lasting = leases_on(shared_redis.url, prefix="renewed", lease=600)
    roomy = Limits(principal=1, tenant=1, cluster=9)
    held = Lease(roomy.claims("acme", "ada"))
    left = Lease(roomy.claims("beta", "ben"))
    await leases.acquire(held)
    await lasting.renew([held])
    await leases.acquire(left)
    await until_admitted(leases, Lease(roomy.claims("beta", "ben")))
    assert not await admitted(leases, Lease(roomy.claims("acme", "ada")))
    await leases.aclose()
    await lasting.aclose()


async def test_a_scope_without_streams_leaves_nothing_in_redis(redis: RedisServer) -> None:
    leases = leases_on(redis.url)
    held = lease()
    await leases.acquire(held)
    assert await redis.command("DBSIZE") == b":3\r\n"
    await leases.release([held])
    assert await redis.command("DBSIZE") == b":0\r\n"
    await leases.aclose()


HOLDER = """
import asyncio, sys
from crossover.stores.fallback_leases import FallbackLeases
from crossover.stores.leases import Limits
from tests.crossover.stores.conftest import LEASE, leases_on

async def hold():
    store = leases_on(sys.argv[1], prefix="killed", lease=LEASE)
    async with FallbackLeases(store, lease=LEASE, local_cap=1) as limiter:
        await limiter.acquire(Limits(1, 1, 1).claims("acme", "ada"))
        await asyncio.sleep(600)

asyncio.run(hold())
"""


async def test_slots_of_a_killed_replica_are_back_within_the_lease_time(redis: RedisServer) -> None:
    leases, probe = leases_on(redis.url, prefix="killed", lease=LEASE), lease()
    async with Program([sys.executable, "-c", HOLDER, redis.url]) as replica:
        async with asyncio.timeout(PATIENCE):
            while await redis.command("DBSIZE") == b":0\r\n":
                await asyncio.sleep(0.05)
            began = time.monotonic()
            while time.monotonic() - began < 1.5 * LEASE:  # alive, it renews
                if await admitted(leases, probe):  # but for a stall, after which it must do so anew
                    await leases.release([probe])
                    began = time.monotonic()
                await asyncio.sleep(0.1)
        await replica.stop(signal.SIGKILL)
        await until_admitted(leases, probe)
    await leases.aclose()


@pytest.mark.parametrize("fault", ["black hole", "refused"])
async def test_an_unreachable_redis_is_told_and_nothing_is_tried_again(
    redis: RedisServer, fault: str
) -> None:
    async with Proxy(redis.port) as proxy:
        leases = leases_on(f"redis://{proxy.address}", timeout=BRIEF)
        await leases.acquire(lease())
        if fault == "refused":
            await proxy.refuse()
        proxy.mode = "freeze"
        asked = proxy.connections
        answers = await asyncio.gather(*(leases.acquire(lease()) for _ in range(50)), return_exceptions=True)
        assert {type(each) for each in answers} == {StoreAway}
        assert proxy.connections - asked < 50
        proxy.mode = "forward"
        await leases.aclose()


async def test_a_call_whose_reply_was_lost_is_not_sent_again(redis: RedisServer) -> None:
    async with Proxy(redis.port) as proxy:
        leases = leases_on(f"redis://{proxy.address}")
        proxy.mode = "drop_replies"
        with pytest.raises(StoreAway):
            await leases.acquire(lease())
        assert proxy.dropped == 1
        await leases.aclose()


async def test_cancelled_calls_never_get_the_reply_of_another(shared_redis: RedisServer) -> None:
    """As in CVE-2023-28858: each scope's limit is its number of holders, so a foreign reply shows."""
    leases = leases_on(shared_redis.url, prefix="cancelled")
    full, free = Claim(Scope.TENANT, ("full",), 0), Claim(Scope.TENANT, ("free",), 10_000)

    async def ask(number: int) -> bool:
        claim = full if number % 2 else free
        try:
            await leases.acquire(Lease((claim,)))
        except Refused:
            return claim is full
        return claim is free

    cancelled, right = 0, 0
    for step in range(200):  # each time a step of the loop later
        tasks = [asyncio.create_task(ask(number)) for number in range(20)]
        for _ in range(step % 25):
            await asyncio.sleep(0)
        cancelled += sum(task.cancel() for task in tasks[::3])
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(each) if each is not True else True for each in outcomes} <= {
            True,
            asyncio.CancelledError,
        }
        right += outcomes.count(True)
    assert cancelled > 100
    assert right > 500
    await leases.aclose()


async def test_a_refusal_by_redis_itself_is_told_without_keys_or_addresses(redis: RedisServer) -> None:
    await redis.command("CONFIG", "SET", "requirepass", "secret")
    leases = leases_on(redis.url)
    with pytest.raises(StoreAway) as away:
        await leases.acquire(lease())
    assert away.value.detail.startswith("Redis ")
    assert str(redis.port) not in away.value.detail
    assert "ada" not in away.value.detail
    await leases.aclose()


async def _unused(*_: object) -> Any:
    raise AssertionError


def _unused_channel(_: str) -> Any:
    raise AssertionError


_KEYS = RedisLeases(RedisClient(_unused, _unused, _unused_channel), lease=30)
_NAMES = st.text(max_size=12) | st.text("/%:{}ab", max_size=5)
_OWNERS = st.tuples(_NAMES, _NAMES) | st.tuples(_NAMES) | st.just(())
_CLAIMS = st.builds(Claim, st.sampled_from(Scope), _OWNERS, st.just(1))


@given(_CLAIMS, _CLAIMS)
def test_two_claims_have_one_key_only_if_they_are_for_the_same_owner(one: Claim, other: Claim) -> None:
    # An owner without any part is the cluster's alone; a tenant's name is never empty.
    if () in (one.owner, other.owner) and ("",) in (one.owner, other.owner):
        return
    assert (_KEYS.key(one) == _KEYS.key(other)) == (one == other)


@given(_CLAIMS)
def test_every_key_has_the_same_hash_tag_and_no_other(claim: Claim) -> None:
    key = _KEYS.key(claim)
    assert key.startswith("{crossover}:")
    assert key.count("{") == key.count("}") == 1


@pytest.mark.parametrize("prefix", ["", "a}b", "{a", "a b", "a" * 65, "é"])
def test_a_prefix_that_would_break_the_hash_tag_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        RedisLeases(RedisClient(_unused, _unused, _unused_channel), lease=30, prefix=prefix)
