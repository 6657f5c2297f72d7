"""How many runs a tenant may have going: refused with the limit's name, and never for a count's sake."""

from __future__ import annotations

import asyncio

import pytest

from bridge.quotas import RunningQuota
from crossover.errors import Busy, Unavailable
from tests.patience import PATIENCE


class Temporal:
    """What a count would find, and how often it was asked."""

    def __init__(self, running: int = 0) -> None:
        self.running = running
        self.asked: list[str] = []
        self.away = False
        self.now = 1000.0

    async def count(self, tenant: str) -> int:
        self.asked.append(tenant)
        await asyncio.sleep(0)
        if self.away:
            raise Unavailable("Temporal cannot be reached.")
        return self.running

    def quota(self) -> RunningQuota:
        return RunningQuota(self.count, clock=lambda: self.now)


async def admitted(quota: RunningQuota, limit: int, tries: int, tenant: str = "acme") -> int:
    checks = (quota.check(tenant, limit) for _ in range(tries))
    answers = await asyncio.gather(*checks, return_exceptions=True)
    assert {type(each) for each in answers if each} <= {Busy}
    return answers.count(None)


async def test_a_refusal_names_the_tenant_the_limit_and_when_to_try_again() -> None:
    with pytest.raises(Busy, match=r"acme has 5 runs going.*running_runs.*is 5") as busy:
        await Temporal(5).quota().check("acme", 5)
    assert busy.value.retry_after == 2.0


async def test_a_limit_of_none_asks_nobody() -> None:
    temporal = Temporal(10**6)
    await temporal.quota().check("acme", None)
    assert temporal.asked == []


async def test_a_limit_of_zero_admits_nothing() -> None:
    assert await admitted(Temporal().quota(), 0, 3) == 0


async def test_starts_at_once_get_no_more_than_what_is_free() -> None:
    temporal = Temporal(7)
    assert await admitted(temporal.quota(), 10, 50) == 3
    assert temporal.asked == ["acme"]


async def test_a_tenant_is_counted_once_in_two_seconds() -> None:
    temporal = Temporal()
    quota = temporal.quota()
    for _ in range(100):
        await quota.check("acme", 1000)
        temporal.now += 0.1
    assert 5 <= len(temporal.asked) <= 6


async def test_tenants_do_not_share_a_limit() -> None:
    quota = Temporal().quota()
    assert await admitted(quota, 2, 5, "acme") == 2
    assert await admitted(quota, 2, 5, "other") == 2


async def test_starts_that_a_new_count_cannot_show_yet_are_still_counted() -> None:
    temporal = Temporal()
    quota = temporal.quota()
    await quota.check("acme", 10)
    temporal.now += 1.9
    assert await admitted(quota, 10, 50) == 9
    temporal.now += 0.2
    temporal.running = 1
    assert await admitted(quota, 10, 50) == 0


async def test_runs_that_ended_are_free_again_at_the_next_count() -> None:
    temporal = Temporal()
    quota = temporal.quota()
    assert await admitted(quota, 3, 5) == 3
    temporal.now += 2
    assert await admitted(quota, 3, 5) == 3


async def test_a_start_that_was_none_is_given_back() -> None:
    quota = Temporal().quota()
    assert await admitted(quota, 1, 1) == 1
    quota.give_back("acme")
    assert await admitted(quota, 1, 2) == 1
    quota.give_back("nobody")


async def test_a_count_without_an_answer_stops_no_starts_for_good() -> None:
    temporal = Temporal()
    temporal.away = True
    quota = temporal.quota()
    for _ in range(10):
        assert await admitted(quota, 3, 5) == 3
        temporal.now += 2
    temporal.away, temporal.running = False, 3
    temporal.now += 2
    assert await admitted(quota, 3, 5) == 0


async def test_a_count_that_never_answers_delays_a_start_for_a_moment_only() -> None:
    async def never(tenant: str) -> int:
        return await asyncio.Future[int]()

    quota = RunningQuota(never, timeout=0.1)
    async with asyncio.timeout(PATIENCE):
        assert await admitted(quota, 3, 20) == 3
