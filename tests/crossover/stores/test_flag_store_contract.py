"""What every FlagStore does: the one in Redis, and the one in a file of either format."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from crossover.flags.version import Version
from crossover.stores.flag_store import FlagStore, VersionConflict
from testbed.redis import RedisServer
from tests.crossover.stores.flag_scene import (
    Opening,
    counting,
    following,
    percentage,
    stores,
    written,
)
from tests.patience import PATIENCE


@pytest.fixture(params=["redis", "json", "yaml"])
async def opening(
    request: pytest.FixtureRequest, shared_redis: RedisServer, tmp_path: Path
) -> AsyncGenerator[Opening, None]:
    async with stores(request.param, shared_redis, tmp_path) as opening:
        yield opening


@pytest.fixture
def store(opening: Opening) -> FlagStore:
    return opening()


async def test_an_empty_store_has_no_head_and_no_history(store: FlagStore) -> None:
    assert store.writable
    assert await store.head() is None
    assert await store.history() == []
    assert await store.digest_of(1) is None


async def test_what_was_put_is_the_head_for_everyone(opening: Opening) -> None:
    one, other = opening(), opening()
    (version,) = await written(one, 5)
    assert await one.head() == version == await other.head()
    (second,) = await written(other, 6)
    assert await one.head() == second
    assert second.previous == version.digest


@pytest.mark.parametrize("start", [0, 2])
async def test_a_version_that_does_not_follow_the_head_is_a_conflict_that_tells_the_head(
    store: FlagStore, start: int
) -> None:
    versions = await written(store, *range(start))
    head = versions[-1] if versions else None
    other = Version.first(following(None, 40).document, following(None, 40).change)
    strangers = [
        following(following(head, 1), 2),  # one number too high
        Version.of(start + 1, "0" * 32, other.document, other.change),
        *([versions[0], following(versions[0], 3), other] if versions else []),
    ]
    for stranger in strangers:
        with pytest.raises(VersionConflict) as conflict:
            await store.put(stranger)
        assert conflict.value.head == head == await store.head()


async def test_putting_the_head_again_is_no_conflict_and_makes_no_second_version(store: FlagStore) -> None:
    *_, head = await written(store, 1, 2)
    await store.put(head)
    assert len(await store.history()) == 2


async def test_of_two_that_follow_the_same_version_one_wins(opening: Opening) -> None:
    one, other = opening(), opening()
    (first,) = await written(one, 1)
    tries = [each.put(following(first, percent)) for percent in range(2, 12) for each in (one, other)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert outcomes.count(None) == 1
    assert {type(each) for each in outcomes if each} == {VersionConflict}


async def test_50_concurrent_writers_that_try_again_lose_no_update(opening: Opening) -> None:
    shared = [opening() for _ in range(5)]

    async def writer(store: FlagStore) -> None:
        head = await store.head()
        while True:
            try:
                return await store.put(counting(head))
            except VersionConflict as conflict:
                head = conflict.head

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(writer(shared[number % 5]) for number in range(50)))
    head = await shared[0].head()
    assert head is not None
    assert head.number == 50
    assert percentage(head) == 0.05
    history = await shared[1].history(limit=50)
    assert [each.previous for each in history[:-1]] == [each.digest for each in history[1:]]


async def test_history_is_newest_first_and_paged(store: FlagStore) -> None:
    versions = await written(store, *range(7))
    assert await store.history() == versions[::-1]
    assert await store.history(limit=3) == versions[:3:-1]
    assert await store.history(before=5, limit=2) == [versions[3], versions[2]]
    assert await store.history(before=1) == []


async def test_every_digest_of_the_history_is_known_and_no_other(store: FlagStore) -> None:
    versions = await written(store, *range(3))
    assert [await store.digest_of(each.number) for each in versions] == [each.digest for each in versions]
    assert await store.digest_of(4) is None


@pytest.mark.parametrize("number", [1, 2, 3, 9])
async def test_a_replaced_head_is_the_head_whatever_was_there(opening: Opening, number: int) -> None:
    one, other = opening(), opening()
    versions = await written(one, 1, 2, 3)
    word = following(None, 50)
    word = Version.of(number, "f" * 32, word.document, word.change)
    await one.replace(word)
    assert await other.head() == word
    assert await other.history() == [word, *(each for each in versions[::-1] if each.number < number)]
    await other.put(following(word, 51))


async def test_an_empty_store_takes_an_operators_word(store: FlagStore) -> None:
    word = following(following(None, 1), 2)
    await store.replace(word)
    assert await store.head() == word


async def test_a_change_is_told_to_those_who_listen(opening: Opening) -> None:
    one, other = opening(), opening()
    async with other.changes() as changes, asyncio.timeout(PATIENCE):
        for percent in range(3):
            (version,) = await written(one, percent)
            await anext(changes)
            assert await other.head() == version
