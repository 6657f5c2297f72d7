"""What every store of outcomes does: the one in this process, and the one in Redis."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crossover.flags.model import Variant, When
from crossover.flags.outcome import Outcome, Tally
from crossover.stores.outcomes import LocalOutcomes, Outcomes
from crossover.stores.redis_client import RedisAccess, connect
from crossover.stores.redis_outcomes import RedisOutcomes
from crossover.stores.redis_url import parse_redis_url
from testbed.redis import RedisServer
from tests.patience import PATIENCE

KEPT = 50
NOW = datetime.now(UTC)
START = NOW - timedelta(hours=1)
ANY = When()


def outcome(**changes: Any) -> Outcome:
    told: dict[str, Any] = {
        "id": uuid.uuid4().hex,
        "tenant": "acme",
        "flag": "enable_crossover",
        "side": Variant.CROSSOVER,
        "succeeded": True,
        "duration": 1.0,
        "at": NOW,
    }
    return Outcome(**{**told, **changes})


def outcomes_on(
    url: str, *, prefix: str = "crossover", kept: int = KEPT, timeout: float = PATIENCE
) -> RedisOutcomes:
    client = connect(parse_redis_url(url), RedisAccess(), timeout=timeout * 0.75)
    return RedisOutcomes(client, prefix=prefix, kept=kept, timeout=timeout)


@pytest.fixture(params=["local", "redis"])
async def outcomes(
    request: pytest.FixtureRequest, shared_redis: RedisServer
) -> AsyncGenerator[Outcomes, None]:
    store: Outcomes = LocalOutcomes(kept=KEPT)
    if request.param == "redis":
        store = outcomes_on(shared_redis.url, prefix=uuid.uuid4().hex)
    yield store
    await store.aclose()


async def crossover(outcomes: Outcomes, since: datetime = START, when: When = ANY) -> Tally:
    return await outcomes.tally("enable_crossover", Variant.CROSSOVER, since, when)


async def test_a_flag_without_outcomes_has_an_empty_tally(outcomes: Outcomes) -> None:
    assert await crossover(outcomes) == Tally()
    assert await outcomes.recent(None, "enable_crossover", 10) == []


async def test_outcomes_are_counted_by_flag_and_side(outcomes: Outcomes) -> None:
    await outcomes.add(outcome())
    await outcomes.add(outcome(succeeded=False))
    await outcomes.add(outcome(side=Variant.LEGACY))
    await outcomes.add(outcome(flag="enable_publish_app_executor"))
    assert await crossover(outcomes) == Tally(count=2, failed=1, median_duration=1.0)


async def test_the_median_is_of_those_that_succeeded(outcomes: Outcomes) -> None:
    for duration in (1.0, 2.0, 3.0, 10.0):
        await outcomes.add(outcome(duration=duration))
    for _ in range(9):
        await outcomes.add(outcome(duration=0.01, succeeded=False))
    assert (await crossover(outcomes)).median_duration == 2.5


async def test_comparisons_are_counted_where_they_were_made(outcomes: Outcomes) -> None:
    for matches in (True, False, None, None):
        await outcomes.add(outcome(side=Variant.SHADOW, matches=matches))
    tally = await outcomes.tally("enable_crossover", Variant.SHADOW, START, ANY)
    assert (tally.count, tally.compared, tally.mismatched) == (4, 2, 1)


async def test_only_outcomes_since_then_count(outcomes: Outcomes) -> None:
    await outcomes.add(outcome(at=START - timedelta(microseconds=1), succeeded=False))
    await outcomes.add(outcome(at=START))
    assert await crossover(outcomes) == Tally(count=1, median_duration=1.0)


async def test_a_condition_takes_outcomes_of_its_context_and_no_others(outcomes: Outcomes) -> None:
    await outcomes.add(outcome(connector="hive", app="crawl"))
    await outcomes.add(outcome(connector="kafka", app="crawl"))
    await outcomes.add(outcome())
    assert (await crossover(outcomes)).count == 3
    assert (await crossover(outcomes, when=When(app=("crawl",)))).count == 2
    assert (await crossover(outcomes, when=When(app=("crawl",), connector=("hive", "s3")))).count == 1
    assert (await crossover(outcomes, when=When(environment=("prod",)))).count == 0


async def test_what_an_earlier_condition_takes_can_be_left_out(outcomes: Outcomes) -> None:
    await outcomes.add(outcome(connector="hive", succeeded=False))
    await outcomes.add(outcome(connector="kafka"))
    hive = When(connector=("hive",))
    tally = await outcomes.tally("enable_crossover", Variant.CROSSOVER, START, ANY, (hive,))
    assert (tally.count, tally.failed) == (1, 0)


async def test_an_outcome_that_is_told_again_replaces_what_was_told_before(outcomes: Outcomes) -> None:
    await outcomes.add(outcome(id="one", succeeded=False))
    assert (await crossover(outcomes)).failed == 1
    await outcomes.add(outcome(id="one", duration=7.0))
    await outcomes.add(outcome(id="one", duration=7.0))
    assert await crossover(outcomes) == Tally(count=1, median_duration=7.0)
    assert len(await outcomes.recent(None, "enable_crossover", 10)) == 1


async def test_the_last_ones_are_listed_newest_first_as_they_were_told(outcomes: Outcomes) -> None:
    told = [
        outcome(duration=0.1 * number, at=NOW + timedelta(microseconds=number), matches=False, app="a✓")
        for number in range(5)
    ]
    for each in told:
        await outcomes.add(each)
    assert await outcomes.recent(None, "enable_crossover", 3) == told[:1:-1]


async def test_a_tenant_is_listed_its_own_outcomes_alone(outcomes: Outcomes) -> None:
    mine = outcome(tenant="beta")
    await outcomes.add(mine)
    for _ in range(10):
        await outcomes.add(outcome(tenant="acme"))
    assert await outcomes.recent("beta", "enable_crossover", 5) == [mine]
    assert await outcomes.recent("gamma", "enable_crossover", 5) == []


async def test_no_more_than_so_many_are_kept_and_the_oldest_go_first(outcomes: Outcomes) -> None:
    for number in range(KEPT + 10):
        await outcomes.add(outcome(id=str(number), succeeded=number >= 10))
    assert await crossover(outcomes) == Tally(count=KEPT, median_duration=1.0)
    assert len(await outcomes.recent(None, "enable_crossover", 1000)) == KEPT
