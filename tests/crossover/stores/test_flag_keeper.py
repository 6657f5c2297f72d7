"""What is in force on a replica, whatever becomes of its store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crossover.flags.model import Context, Variant
from crossover.flags.version import Version
from crossover.stores.flag_copy import FlagCopy
from crossover.stores.flag_keeper import FlagKeeper, StoreRefused
from crossover.stores.flag_store import VersionConflict
from crossover.stores.leases import StoreAway
from crossover.stores.redis_client import RedisAccess, connect
from crossover.stores.redis_flags import RedisFlags
from crossover.stores.redis_url import parse_redis_url
from testbed.redis import RedisServer
from tests.crossover.stores.flag_scene import (
    FLAG,
    building,
    change,
    counting,
    document,
    following,
    kept,
    percentage,
    redis_flags,
    until,
    until_state,
    written,
)
from tests.patience import BRIEF, PATIENCE
from tests.proxy import Proxy


def decided(keeper: FlagKeeper) -> Variant | None:
    """What acme gets; None while there is no such flag."""
    try:
        return keeper.evaluator.evaluate(FLAG, Context(tenant="acme")).variant
    except KeyError:
        return None


async def test_without_any_document_there_are_no_flags_and_the_first_put_makes_one(
    redis: RedisServer,
) -> None:
    async with kept(redis_flags(redis.url)) as (keeper,):
        assert (keeper.current, keeper.status.state, decided(keeper)) == (None, "fresh", None)
        version = await keeper.put(building(100), None)
        assert keeper.current == version
        assert version.number == 1
        assert decided(keeper) is Variant.CROSSOVER


async def test_a_put_is_in_force_at_once_here_and_told_to_three_others(redis: RedisServer) -> None:
    async with kept(*(redis_flags(redis.url) for _ in range(4)), poll=600) as (writer, *others):
        for percent in range(100):
            version = await writer.put(building(percent), None)
            assert writer.current == version
            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(each.wait_for_change(version.number - 1) for each in others))
            assert [percentage(each.current) for each in others] == [percent] * 3


async def test_changes_arrive_also_when_they_cannot_be_told(redis: RedisServer) -> None:
    """A user who may use the keys, and no channel."""
    await redis.command("ACL", "SETUSER", "mute", "on", ">secret", "~{crossover}:*", "+@all", "resetchannels")
    url = f"redis://mute:secret@127.0.0.1:{redis.port}"
    async with kept(redis_flags(url), redis_flags(url)) as (writer, other):
        for percent in range(5):
            version = await writer.put(building(percent), None)
            async with asyncio.timeout(PATIENCE):
                await other.wait_for_change(version.number - 1)


async def test_50_concurrent_puts_on_three_replicas_lose_no_update(redis: RedisServer) -> None:
    async with kept(*(redis_flags(redis.url) for _ in range(3))) as keepers:
        await asyncio.gather(*(keepers[number % 3].put(counting, None) for number in range(50)))
        await until(lambda: all(percentage(each.current) == 0.05 for each in keepers))
        assert {each.current.number for each in keepers if each.current} == {50}


async def test_of_50_writers_that_saw_the_same_version_one_wins(redis: RedisServer) -> None:
    async with kept(*(redis_flags(redis.url) for _ in range(3))) as keepers:
        seen = await keepers[0].put(building(1), None)
        puts = [keepers[number % 3].put(building(number), seen.etag) for number in range(50)]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        won = [each for each in outcomes if isinstance(each, Version)]
        assert len(won) == 1
        lost = [each for each in outcomes if isinstance(each, VersionConflict)]
        assert len(lost) == 49
        assert {each.head.number for each in lost if each.head is not None} == {2}


async def test_a_replica_that_lags_behind_takes_the_etag_of_the_newest_version(redis: RedisServer) -> None:
    async with kept(redis_flags(redis.url), redis_flags(redis.url), poll=30) as (one, other):
        for percent in range(20):
            version = await one.put(building(percent), None)
            assert (await other.put(building(percent), version.etag)).number == version.number + 1


async def test_a_build_that_fails_changes_nothing(redis: RedisServer) -> None:
    def build(_: Version | None) -> Version:
        raise ValueError("no such flag")

    async with kept(redis_flags(redis.url)) as (keeper,):
        version = await keeper.put(building(1), None)
        with pytest.raises(ValueError, match="no such flag"):
            await keeper.put(build, None)
        assert keeper.current == version
        assert keeper.status.state == "fresh"


async def test_a_put_whose_answer_was_lost_succeeds_once(redis: RedisServer) -> None:
    async with Proxy(redis.port) as proxy, kept(redis_flags(f"redis://{proxy.address}")) as (keeper,):
        for percent in range(10):
            await keeper.put(building(percent), None)
            proxy.mode = "drop_replies"
            with pytest.raises(StoreAway):
                await keeper.put(building(50 + percent), None)
            proxy.mode = "forward"
            await until(lambda percent=percent: percentage(keeper.current) == 50 + percent)  # type: ignore[misc]
        await until_state(keeper, "fresh")
        assert keeper.current is not None
        assert keeper.current.number == 20


class LosesOneAnswer(RedisFlags):
    """The first put is written, and others write on top of it, but its answer never comes."""

    lost = False

    async def put(self, version: Version) -> None:
        await super().put(version)
        if not self.lost:
            self.lost = True
            await super().put(following(version, 77))
            raise StoreAway("the answer was lost")


async def test_a_put_whose_answer_was_lost_is_known_again_below_what_others_wrote(redis: RedisServer) -> None:
    client = connect(parse_redis_url(redis.url), RedisAccess(), timeout=PATIENCE)
    async with kept(LosesOneAnswer(client, timeout=PATIENCE)) as (keeper,):
        version = await keeper.put(building(5), None)
        assert (version.number, percentage(version)) == (1, 5)
        await until(lambda: percentage(keeper.current) == 77)
        assert keeper.current is not None
        assert keeper.current.number == 2


async def test_while_redis_is_dead_what_was_in_force_stays_and_its_age_shows(redis: RedisServer) -> None:
    async with kept(redis_flags(redis.url)) as (keeper,):
        version = await keeper.put(building(100), None)
        await redis.kill()
        await until_state(keeper, "stale")
        assert keeper.current == version
        assert decided(keeper) is Variant.CROSSOVER
        since = keeper.status.since
        with pytest.raises(StoreAway):
            await keeper.put(building(0), None)
        assert keeper.status.since == since
        assert decided(keeper) is Variant.CROSSOVER


async def test_a_redis_that_came_back_empty_is_refused_until_an_operator_speaks(redis: RedisServer) -> None:
    async with kept(redis_flags(redis.url), redis_flags(redis.url)) as (keeper, other):
        await keeper.put(building(1), None)
        version = await keeper.put(building(100), None)
        await other.wait_for_change(1)
        await redis.kill()
        await redis.start()
        for each in (keeper, other):
            await until_state(each, "refused")
            assert each.current == version
            assert "crossover flags restore" in each.status.detail
        with pytest.raises(StoreRefused, match="holds no flags"):
            await other.put(building(7), None)
        with pytest.raises(ValueError, match="store holds no flags"):
            await keeper.restore("store", change())
        restored = await keeper.restore("replica", change("operator"))
        assert (restored.number, restored.document, restored.change.who) == (3, document(100), "operator")
        await until(lambda: other.current == restored and other.status.state == "fresh")


async def test_a_flush_is_refused_and_flips_nobody(redis: RedisServer) -> None:
    async with kept(redis_flags(redis.url)) as (keeper,):
        await keeper.put(building(100), None)
        await redis.command("FLUSHALL")
        await until_state(keeper, "refused")
        assert decided(keeper) is Variant.CROSSOVER


@pytest.mark.parametrize("from_", ["replica", "store"])
async def test_an_older_snapshot_is_refused_and_either_side_can_be_restored(
    redis: RedisServer, from_: str
) -> None:
    async with kept(redis_flags(redis.url), redis_flags(redis.url)) as (keeper, other):
        old = await keeper.put(building(0), None)
        new = await keeper.put(building(100), None)
        await other.wait_for_change(1)
        await redis_snapshot(redis, old)
        await until_state(keeper, "refused")
        await until_state(other, "refused")
        assert decided(keeper) is decided(other) is Variant.CROSSOVER
        assert "went back to version 1" in keeper.status.detail
        restored = await keeper.restore("replica" if from_ == "replica" else "store", change())
        await until(lambda: other.current == restored)
        assert restored.number == new.number + 1
        assert restored.document == (new if from_ == "replica" else old).document
        assert (await other.put(building(3), None)).number == new.number + 2


async def redis_snapshot(redis: RedisServer, *versions: Version) -> None:
    """Redis holds these, as if a snapshot of then had been brought back."""
    await redis.command("FLUSHALL")
    store = redis_flags(redis.url)
    for each in versions:
        await store.put(each)
    await store.aclose()


async def test_an_older_snapshot_that_was_written_to_since_is_refused_by_who_knows_more(
    redis: RedisServer,
) -> None:
    async with kept(redis_flags(redis.url)) as (keeper,):
        old = await keeper.put(building(1), None)
        new = await keeper.put(building(100), None)
        await redis_snapshot(redis, old)
        async with kept(redis_flags(redis.url)) as (fresh,):  # it has no copy: it takes what there is
            assert fresh.current == old
            for percent in (2, 3, 4):
                await fresh.put(building(percent), None)
            await until(lambda: "does not follow" in keeper.status.detail)
            assert keeper.current == new
            restored = await keeper.restore("replica", change())
            await until(lambda: fresh.current == restored)


async def test_a_replica_that_slept_through_a_restore_takes_it(redis: RedisServer, tmp_path: Path) -> None:
    copy = FlagCopy(tmp_path / "copy")
    async with kept(redis_flags(redis.url)) as (keeper,):
        first = await keeper.put(building(1), None)
        copy.save(await keeper.put(building(2), None))
        await redis_snapshot(redis, first, following(first, 30))
        await until_state(keeper, "refused")
        await keeper.restore("store", change())
        last = await keeper.put(building(31), None)
    async with kept(redis_flags(redis.url), copy=tmp_path / "copy") as (late,):
        assert (late.current, late.status.state) == (last, "fresh")


async def test_a_replica_that_knows_what_the_store_has_trimmed_takes_the_head(
    redis: RedisServer, tmp_path: Path
) -> None:
    store = redis_flags(redis.url)
    first, _, last = await written(store, 1, 2, 3)
    FlagCopy(tmp_path / "copy").save(first)
    await redis.command("ZREMRANGEBYSCORE", "{crossover}:flags", "1", "1")
    async with kept(store, copy=tmp_path / "copy") as (keeper,):
        assert (keeper.current, keeper.status.state) == (last, "fresh")


async def test_a_head_that_is_no_version_is_refused_and_said(redis: RedisServer) -> None:
    async with kept(redis_flags(redis.url)) as (keeper,):
        version = await keeper.put(building(100), None)
        await redis.command("ZADD", "{crossover}:flags", "2", "0" * 32 + "{}")
        await until_state(keeper, "refused")
        assert "cannot be understood" in keeper.status.detail
        assert keeper.current == version
        with pytest.raises(StoreRefused):
            await keeper.put(building(1), None)
        assert (await keeper.restore("replica", change())).number == 2
        assert keeper.status.state == "fresh"


async def test_a_replica_starts_with_its_copy_when_redis_is_dead(redis: RedisServer, tmp_path: Path) -> None:
    copy = tmp_path / "deep" / "copy"
    async with kept(redis_flags(redis.url), copy=copy) as (keeper,):
        version = await keeper.put(building(100), None)
        await until(copy.exists)
        await redis.kill()
    async with kept(redis_flags(redis.url), copy=copy) as (keeper,):
        assert (keeper.current, keeper.status.state) == (version, "stale")
        assert decided(keeper) is Variant.CROSSOVER
        await redis.start()
        await until_state(keeper, "refused")
        assert keeper.current == version


async def test_a_black_holed_redis_keeps_no_replica_from_starting_and_evaluating(
    redis: RedisServer, tmp_path: Path
) -> None:
    store = redis_flags(redis.url)
    (version,) = await written(store, 100)
    await store.aclose()
    FlagCopy(tmp_path / "copy").save(version)
    async with Proxy(redis.port) as proxy:
        proxy.mode = "freeze"
        store = redis_flags(f"redis://{proxy.address}", timeout=BRIEF)
        async with kept(store, copy=tmp_path / "copy") as (keeper,):
            assert (decided(keeper), keeper.status.state) == (Variant.CROSSOVER, "stale")
            with pytest.raises(StoreAway):
                await keeper.put(building(0), None)
            assert decided(keeper) is Variant.CROSSOVER
            proxy.mode = "forward"
            await until_state(keeper, "fresh")


async def test_a_redis_that_flaps_flips_nothing_and_ends_with_the_newest(redis: RedisServer) -> None:
    async with Proxy(redis.port) as proxy, kept(redis_flags(f"redis://{proxy.address}")) as (keeper,):
        direct = redis_flags(redis.url)
        await keeper.put(building(100), None)
        for percent in range(1, 6):
            await proxy.refuse()
            await until_state(keeper, "stale")
            number = keeper.current.number if keeper.current else 0
            (version,) = await written(direct, 100 - percent)
            assert (number, percentage(keeper.current)) == (percent, 101 - percent)
            await proxy.listen()
            await until(lambda version=version: keeper.current == version)  # type: ignore[misc]
        assert keeper.status.state == "fresh"
        await direct.aclose()


async def test_a_restart_of_the_replica_takes_up_what_changed_meanwhile(
    redis: RedisServer, tmp_path: Path
) -> None:
    async with kept(redis_flags(redis.url), copy=tmp_path / "copy") as (keeper,):
        await keeper.put(building(1), None)
        await until((tmp_path / "copy").exists)
    store = redis_flags(redis.url)
    *_, last = await written(store, 2, 3)
    async with kept(store, copy=tmp_path / "copy") as (keeper,):
        assert keeper.current == last
