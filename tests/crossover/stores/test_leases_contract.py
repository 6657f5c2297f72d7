"""What every implementation of Leases does: the one in this process, and the one in Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from crossover.stores.leases import Claim, Lease, Leases, Limits, Refused, Scope
from crossover.stores.local_leases import LocalLeases
from testbed.redis import RedisServer
from tests.crossover.stores.conftest import Open, redis_replicas

LIMITS = Limits(principal=2, tenant=3, cluster=5)


@pytest.fixture(params=["local", "redis"])
async def replica(request: pytest.FixtureRequest, shared_redis: RedisServer) -> AsyncGenerator[Open, None]:
    if request.param == "redis":
        async with redis_replicas(shared_redis) as opening:
            yield opening
    else:
        only = LocalLeases()

        async def itself() -> LocalLeases:
            return only

        yield itself


@pytest.fixture
async def leases(replica: Open) -> Leases:
    return await replica()


def lease(tenant: str = "acme", principal: str = "ada", limits: Limits = LIMITS) -> Lease:
    return Lease(limits.claims(tenant, principal))


async def taken(leases: Leases, *wanted: Lease) -> list[Lease]:
    for each in wanted:
        await leases.acquire(each)
    return list(wanted)


@pytest.mark.parametrize(
    ("held", "scope", "limit"),
    [
        ([("acme", "ada")] * 2, Scope.PRINCIPAL, 2),
        ([("acme", "bob"), ("acme", "cyd"), ("acme", "dot")], Scope.TENANT, 3),
        ([("b", "x"), ("c", "x"), ("d", "x"), ("e", "x"), ("f", "x")], Scope.CLUSTER, 5),
    ],
)
async def test_a_refusal_names_the_scope_that_is_full_and_its_limit(
    leases: Leases, held: list[tuple[str, str]], scope: Scope, limit: int
) -> None:
    await taken(leases, *(lease(*owner) for owner in held))
    with pytest.raises(Refused, match=f"All {limit} streams") as refused:
        await leases.acquire(lease())
    assert (refused.value.scope, refused.value.limit) == (scope, limit)


async def test_a_refused_stream_holds_nothing(leases: Leases) -> None:
    last = Claim(Scope.CLUSTER, (), 1)
    (holder,) = await taken(leases, Lease((last,)))
    for _ in range(3):
        with pytest.raises(Refused):
            await leases.acquire(Lease((Claim(Scope.TENANT, ("acme",), 1), last)))
    await leases.release([holder])
    await leases.acquire(Lease((Claim(Scope.TENANT, ("acme",), 1), last)))


async def test_the_same_stream_takes_its_slots_once_however_often_it_asks(leases: Leases) -> None:
    first = lease()
    await taken(leases, first, first, first)
    await leases.acquire(lease())
    await leases.acquire(first)
    with pytest.raises(Refused):
        await leases.acquire(lease())


async def test_slots_given_back_can_be_taken_again(leases: Leases) -> None:
    first, _ = await taken(leases, lease(), lease())
    await leases.release([first])
    await leases.release([first])
    await leases.acquire(lease())
    with pytest.raises(Refused):
        await leases.acquire(lease())


async def test_a_renewal_takes_back_what_was_lost_even_beyond_the_limit(leases: Leases) -> None:
    lost = [lease() for _ in range(4)]
    await taken(leases, lease(), lease())
    await leases.renew(lost)
    with pytest.raises(Refused):
        await leases.acquire(lease())
    await leases.release(lost)
    with pytest.raises(Refused):
        await leases.acquire(lease())


async def test_nothing_to_renew_or_give_back_is_no_error(leases: Leases) -> None:
    await leases.renew([])
    await leases.release([])


async def test_many_streams_are_renewed_and_given_back_in_one_call(leases: Leases) -> None:
    wide = Limits(principal=2000, tenant=2000, cluster=2000)
    held = [lease(limits=wide) for _ in range(1999)]
    await leases.renew(held)
    last = lease(limits=wide)
    await leases.acquire(last)
    with pytest.raises(Refused):
        await leases.acquire(lease(limits=wide))
    await leases.release(held)
    with pytest.raises(Refused) as refused:
        await leases.acquire(lease(limits=Limits(1, 1, 1)))
    assert refused.value.scope is Scope.PRINCIPAL
    await leases.release([last])
    await leases.acquire(lease(limits=Limits(1, 1, 1)))


async def test_two_replicas_that_race_for_slots_never_give_out_one_too_many(replica: Open) -> None:
    one, other = await replica(), await replica()
    limits = Limits(principal=100, tenant=100, cluster=7)
    tries = [each.acquire(lease(limits=limits)) for _ in range(50) for each in (one, other)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert outcomes.count(None) == 7
    assert {type(each) for each in outcomes if each} == {Refused}


async def test_owners_that_look_alike_never_share_a_slot(leases: Leases) -> None:
    alike = [
        ("a", "b/c"),
        ("a/b", "c"),
        ("a%2Fb", "c"),
        ("a", "b%2Fc"),
        ("a", "B/c"),
        ("a", "b}c"),
        ("a", "é"),
    ]
    limits = Limits(principal=1, tenant=100, cluster=100)
    await taken(leases, *(lease(*owner, limits) for owner in alike))
    with pytest.raises(Refused):
        await leases.acquire(lease(*alike[0], limits))
