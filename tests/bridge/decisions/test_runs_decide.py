"""Once a node has a run it is never legacy, whatever else is lost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from temporalio.worker import Worker

from testbed.servers import TemporalServer
from tests.bridge.decisions.installation import (
    CROSSOVER,
    FLAG,
    LEGACY,
    SHADOW,
    Installation,
    installed,
    new_node,
    start_of,
    until,
)

BY_APP = {"flags": {FLAG: {"rollout": [{"crossover": 100, "when": {"app": ["new"]}}]}}}


async def killed_flag(pair: Installation) -> None:
    await pair.flags({**CROSSOVER, "kill": True})


async def wiped_redis(pair: Installation) -> None:
    await pair.flags(LEGACY)
    await pair.wiped()


async def all_of_it(pair: Installation) -> None:
    await killed_flag(pair)
    await pair.wiped()
    await pair.restart()


@pytest.mark.parametrize(
    ("document", "trouble"),
    [
        (CROSSOVER, killed_flag),
        (CROSSOVER, wiped_redis),
        (CROSSOVER, all_of_it),
        (SHADOW, all_of_it),
    ],
    ids=["killed-flag", "wiped-redis", "all-of-it", "all-of-it-shadow"],
)
async def test_a_node_with_a_run_stays_as_its_run_was_decided(
    pair: Installation, document: dict[str, Any], trouble: Callable[[Installation], Awaitable[None]]
) -> None:
    await pair.flags(document)
    node = new_node()
    run = await pair.started(node, workflow_type="Talker")
    await trouble(pair)
    for replica in (1, 0):
        decision = await pair.decide(node, replica)
        assert decision["variant"] == run["decision"]["variant"]
        assert decision["decided_at"] == run["decision"]["decided_at"]
        reply = await pair.start(start_of(node, decision, "Talker"), replica)
        assert (reply.status_code, reply.json()["temporal"]["run_id"]) == (200, run["temporal"]["run_id"])
    assert (await pair.decide(new_node()))["variant"] == "legacy"


async def test_this_holds_for_any_flag_that_a_template_names(pair: Installation) -> None:
    flag = "move_extractors"
    await pair.flags({"flags": {FLAG: {}, flag: {"rollout": [{"crossover": 100}]}}})
    node = new_node()
    decision = await pair.decide(node, flag=flag)
    assert (await pair.start(start_of(node, decision))).status_code == 201
    await all_of_it(pair)
    again = await pair.decide(node, flag=flag)
    assert (again["variant"], again["decided_at"]) == ("crossover", decision["decided_at"])
    assert (await pair.decide(node))["variant"] == "crossover"


async def test_a_run_that_nobody_decided_counts_as_crossover(pair: Installation) -> None:
    await pair.flags(LEGACY)
    node = new_node()
    assert (await pair.decide(node))["variant"] == "legacy"
    assert (await pair.start(start_of(node))).status_code == 201
    for replica in (0, 1):
        decision = await pair.decide(node, replica)
        assert (decision["variant"], decision["rule"]) == ("crossover", "run")
        assert (await pair.start(start_of(node, decision), replica)).status_code == 200


@pytest.fixture
async def apart(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Installation, None]:
    """Two replicas of one Redis that this test may kill."""
    async with installed(temporal.address, tmp_path_factory.mktemp("apart"), replicas=2) as made:
        await made.flags(BY_APP)
        yield made


async def test_two_replicas_that_decided_apart_in_an_outage_both_follow_the_run(apart: Installation) -> None:
    """The key of a pin does not hold the app, so two words for it are two opinions on one node."""
    node = new_node()
    await apart.redis.kill()
    assert (await apart.decide(node, replica=1, app="old"))["variant"] == "legacy"
    decision = await apart.decide(node, app="new")
    assert (decision["variant"], decision["pinned"]) == ("crossover", "replica")
    assert (await apart.start(start_of(node, decision))).status_code == 201
    await _both_attach(apart, node)
    await apart.redis.start()

    async def merged() -> bool:
        replies = [await apart.as_(replica=each).get("/readyz") for each in (0, 1)]
        return not any("decisions" in reply.json()["checks"] for reply in replies)

    await until(merged)
    await _both_attach(apart, node)


async def _both_attach(apart: Installation, node: dict[str, Any]) -> None:
    for replica in (1, 0):
        decision = await apart.decide(node, replica, app="old")
        assert decision["variant"] == "crossover"
        assert (await apart.start(start_of(node, decision), replica)).status_code == 200
