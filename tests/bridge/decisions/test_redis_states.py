"""Redis in every state: what is in force stays, pins hold, answers come soon, the status tells the truth."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from temporalio.worker import Worker

from testbed.servers import TemporalServer
from tests.bridge.decisions.installation import (
    CROSSOVER,
    LEGACY,
    Installation,
    installed,
    new_node,
    until,
)
from tests.patience import PATIENCE

WATCHED = 1.0
"""Seconds for which each state is watched."""

HURRIED = {"decision_patience": PATIENCE}
"""Redis is given as long as by default: it is what is away here."""

Trouble = Callable[[Installation], AbstractAsyncContextManager[None]]


@pytest.fixture(scope="module")
async def one(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Installation, None]:
    home = tmp_path_factory.mktemp("one")
    async with installed(temporal.address, home, limits=HURRIED) as made:
        yield made


@pytest.fixture
async def alone(one: Installation) -> Installation:
    """One replica with a Redis that the test may break, all tenants at crossover, and a snapshot of that."""
    await one.mended()
    await one.flags(CROSSOVER)
    await one.redis.command("SAVE")
    shutil.copy(one.home / "redis" / "dump.rdb", one.home / "older.rdb")
    return one


@asynccontextmanager
async def up(alone: Installation) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def killed(alone: Installation) -> AsyncIterator[None]:
    await alone.redis.kill()
    try:
        yield
    finally:
        await alone.redis.start()


@asynccontextmanager
async def suspended(alone: Installation) -> AsyncIterator[None]:
    assert alone.redis.pid is not None
    os.kill(alone.redis.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(alone.redis.pid, signal.SIGCONT)


@asynccontextmanager
async def flushed(alone: Installation) -> AsyncIterator[None]:
    await alone.redis.command("FLUSHALL")
    yield


@asynccontextmanager
async def restarted_empty(alone: Installation) -> AsyncIterator[None]:
    await alone.redis.kill()
    (alone.home / "redis" / "dump.rdb").unlink()
    await alone.redis.start()
    yield


@asynccontextmanager
async def older_snapshot(alone: Installation) -> AsyncIterator[None]:
    await alone.redis.kill()
    shutil.copy(alone.home / "older.rdb", alone.home / "redis" / "dump.rdb")
    await alone.redis.start()
    yield


@asynccontextmanager
async def flapping(alone: Installation) -> AsyncIterator[None]:
    """The process stops and goes on; it keeps what it has."""

    async def flap(pid: int) -> None:
        while True:
            for sign in (signal.SIGSTOP, signal.SIGCONT):
                os.kill(pid, sign)
                await asyncio.sleep(0.3)

    assert alone.redis.pid is not None
    task = asyncio.create_task(flap(alone.redis.pid))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        os.kill(alone.redis.pid, signal.SIGCONT)


STATES: list[tuple[Trouble, set[str]]] = [
    (up, {"fresh"}),
    (killed, {"stale"}),
    (suspended, {"stale"}),
    (flushed, {"refused"}),
    (restarted_empty, {"refused"}),
    (older_snapshot, {"refused"}),
    (flapping, {"fresh", "stale"}),
]


@pytest.mark.parametrize(("trouble", "states"), STATES, ids=[trouble.__name__ for trouble, _ in STATES])
async def test_nothing_flips_and_the_status_says_what_is_the_case(
    alone: Installation, trouble: Trouble, states: set[str]
) -> None:
    old, new = new_node(), new_node()
    first = await alone.decide(old)
    version = await alone.flags(LEGACY)
    async with trouble(alone):
        until_then = time.monotonic() + WATCHED
        while time.monotonic() < until_then:
            again, other = await alone.decide(old), await alone.decide(new)
            assert {**again, "pinned": ""} == {**first, "pinned": ""}
            assert (other["variant"], other["config_version"]) == ("legacy", version)
            await asyncio.sleep(0.05)

        async def told() -> bool:
            return (await alone.flag_store())["state"] in states

        await until(told)
        store = await alone.flag_store()
        assert store["version"] == version
        assert bool(store["detail"]) == (store["state"] != "fresh")
    assert {**await alone.decide(old), "pinned": ""} == {**first, "pinned": ""}


@pytest.mark.parametrize("trouble", [killed, suspended])
async def test_an_outage_is_told_and_its_decisions_are_shared_afterwards(
    alone: Installation, trouble: Trouble
) -> None:
    async with trouble(alone):
        node = new_node()
        made = await alone.decide(node)
        assert (made["variant"], made["pinned"]) == ("crossover", "replica")
        ready = await alone.as_().get("/readyz")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert "Redis" in ready.json()["checks"]["decisions"]

        async def stale() -> bool:
            return bool((await alone.decide(new_node()))["stale"])

        await until(stale)

    async def shared() -> bool:
        return bool((await alone.decide(node))["pinned"] == "shared")

    await until(shared)
    assert await alone.decide(node) == {**made, "pinned": "shared"}


async def test_a_replica_that_starts_without_redis_decides_by_its_last_copy(alone: Installation) -> None:
    node = new_node()
    async with killed(alone):
        await alone.restart()
        decision = await alone.decide(node)
        assert (decision["variant"], decision["stale"]) == ("crossover", True)
        assert await alone.decide(node) == decision


async def test_a_replica_that_knows_no_flags_says_that_it_could_not_read_them(alone: Installation) -> None:
    async with killed(alone):
        await alone.replicas[0].kill()
        shutil.rmtree(alone.home / "state-0")
        await alone.replicas[0].start()
        decision = await alone.decide(new_node())
        assert (decision["variant"], decision["stale"]) == ("legacy", True)
        assert decision["note"].startswith("No flags are known yet, so this is legacy: ")


async def test_a_replica_that_told_a_pin_tells_it_again_in_an_outage(
    temporal: TemporalServer, worker: Worker, tmp_path: Path
) -> None:
    async with installed(temporal.address, tmp_path, replicas=2, limits=HURRIED) as two:
        await two.flags(CROSSOVER)
        node = new_node()
        first = await two.decide(node)
        assert (await two.decide(node, replica=1))["decided_at"] == first["decided_at"]
        await two.flags(LEGACY)
        async with suspended(two):
            again = await two.decide(node, replica=1)
        assert again["decided_at"] == first["decided_at"]
