"""Temporal away, alone and together with Redis: legacy before a start, the pin after it, and soon."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from temporalio.worker import Worker

from testbed.servers import TemporalServer
from tests.bridge.decisions.installation import (
    CROSSOVER,
    LEGACY,
    Installation,
    installed,
    new_node,
    start_of,
    until,
)
from tests.bridge.decisions.test_redis_states import Trouble, killed, suspended, up
from tests.proxy import Proxy


@pytest.fixture(scope="module")
async def proxy(temporal: TemporalServer) -> AsyncGenerator[Proxy, None]:
    async with Proxy(temporal.port) as proxy:
        yield proxy


@pytest.fixture(scope="module")
async def behind(
    proxy: Proxy, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Installation, None]:
    """One replica that reaches Temporal through the proxy, and waits for it and for Redis as by default."""
    async with installed(proxy.address, tmp_path_factory.mktemp("behind"), limits={}) as made:
        await made.flags(CROSSOVER)
        yield made


async def lose(proxy: Proxy, how: str) -> None:
    if how == "refused":
        await proxy.refuse()
    else:
        proxy.mode = "freeze"


async def find(proxy: Proxy, how: str) -> None:
    if how == "refused":
        await proxy.listen()
    else:
        proxy.mode = "forward"
        proxy.cut()


@pytest.mark.parametrize("how", ["refused", "frozen"])
@pytest.mark.parametrize("redis", [up, killed, suspended], ids=lambda each: f"redis-{each.__name__}")
async def test_a_new_node_is_legacy_with_the_reason_and_a_pinned_one_stays(
    behind: Installation, proxy: Proxy, redis: Trouble, how: str
) -> None:
    nodes = [new_node() for _ in range(3)]
    pinned, first = await behind.crossing()
    try:
        async with redis(behind):
            await lose(proxy, how)
            for node in nodes:
                decision = await behind.decide(node)
                assert (decision["variant"], decision["reason"]) == ("legacy", "ERROR")
                assert "Temporal is away" in decision["note"]
                assert (await behind.decide(pinned))["variant"] == "crossover"
    finally:
        await find(proxy, how)
    await reconnected(behind)
    for node in nodes:
        assert (await behind.decide(node))["variant"] == "legacy"
    reply = await behind.start(start_of(pinned, first))
    assert reply.status_code == 201, reply.text
    await behind.wiped()


async def test_a_run_that_was_out_of_sight_decides_again_when_temporal_is_back(
    behind: Installation, proxy: Proxy
) -> None:
    """Everything that knew the pin is lost while Temporal is away: a legacy pin that is not to last."""
    node, decided = await behind.crossing()
    started = await behind.start(start_of(node, decided, "Talker"))
    assert started.status_code == 201, started.text
    run = started.json()
    await behind.wiped()
    await behind.restart()
    await behind.wiped()
    await reconnected(behind)
    await lose(proxy, "frozen")
    try:
        assert (await behind.decide(node))["variant"] == "legacy"
    finally:
        await find(proxy, "frozen")
    await reconnected(behind)

    async def crossover_again() -> bool:
        return bool((await behind.decide(node))["variant"] == "crossover")

    await until(crossover_again)
    decision = await behind.decide(node)
    attached = await behind.start(start_of(node, decision, "Talker"))
    assert (attached.status_code, attached.json()["temporal"]["run_id"]) == (200, run["temporal"]["run_id"])


async def test_a_flag_that_says_legacy_needs_no_temporal(behind: Installation, proxy: Proxy) -> None:
    await behind.flags(LEGACY)
    await lose(proxy, "refused")
    try:
        decision = await behind.decide(new_node())
    finally:
        await find(proxy, "refused")
        await reconnected(behind)
        await behind.flags(CROSSOVER)
    assert (decision["variant"], decision["note"]) == ("legacy", "")


async def reconnected(behind: Installation) -> None:
    async def sees() -> bool:
        return (await behind.as_().get("/readyz")).status_code == 200

    await until(sees)
