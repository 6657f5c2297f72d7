"""How a node went is told by its sides, compared where both ran, and never fails a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from temporalio.worker import Worker

from testbed.servers import TemporalServer
from tests.bridge.decisions.installation import (
    CROSSOVER,
    LEGACY,
    SHADOW,
    Installation,
    installed,
    new_node,
    until,
)
from tests.bridge.decisions.test_redis_states import HURRIED, suspended

DOCUMENTS = {"legacy": LEGACY, "shadow": SHADOW, "crossover": CROSSOVER}
SIDES = {"legacy": {"legacy"}, "shadow": {"legacy", "shadow"}, "crossover": {"crossover"}}


async def told(pair: Installation, decision: dict[str, Any], side: str, **more: Any) -> tuple[int, Any]:
    body = {"decision": decision, "side": side, "phase": "Succeeded", "duration_s": 1.5, **more}
    reply = await pair.as_().post("/v1/outcomes", json=body)
    return reply.status_code, reply.json()


async def outcomes(pair: Installation) -> list[dict[str, Any]]:
    reply = await pair.as_().get("/v1/outcomes", params={"limit": 500})
    found: list[dict[str, Any]] = reply.json()["outcomes"]
    return found


@pytest.mark.parametrize("variant", list(SIDES))
async def test_a_node_has_the_sides_that_it_was_decided(pair: Installation, variant: str) -> None:
    await pair.flags(DOCUMENTS[variant])
    decision = await pair.decide(new_node())
    for side in DOCUMENTS:
        status, answer = await told(pair, decision, side)
        expected = (202, None) if side in SIDES[variant] else (422, "side")
        assert (status, answer.get("field")) == expected


async def test_told_twice_is_one_outcome(pair: Installation) -> None:
    await pair.flags(CROSSOVER)
    decision = await pair.decide(new_node())
    before = len(await outcomes(pair))
    for _ in range(3):
        assert (await told(pair, decision, "crossover"))[0] == 202
    assert len(await outcomes(pair)) == before + 1


async def test_a_shadow_is_compared_with_legacy_and_its_values_stay_untold(pair: Installation) -> None:
    await pair.flags(SHADOW)
    decision = await pair.decide(new_node())
    both = {"outputs": {"rows": 8, "at": "noon", "key": "s3cret"}, "compare_with": {"rows": 7, "at": "one"}}
    status, answer = await told(pair, decision, "shadow", **both, ignore=["/at"])
    assert (status, answer["compared"]) == (202, True)
    assert [each.split(":")[0] for each in answer["differences"]] == ["/rows", "/key"]
    assert "s3cret" not in str(answer)
    assert (await outcomes(pair))[0]["matches"] is False


async def test_a_shadow_that_fits_matches(pair: Installation) -> None:
    await pair.flags(SHADOW)
    decision = await pair.decide(new_node())
    status, answer = await told(pair, decision, "shadow", outputs={"n": 1}, compare_with={"n": 1.0})
    assert (status, answer) == (202, {"differences": [], "compared": True})
    assert (await outcomes(pair))[0]["matches"] is True


async def test_without_both_outputs_nothing_is_compared(pair: Installation) -> None:
    await pair.flags(SHADOW)
    decision = await pair.decide(new_node())
    assert (await told(pair, decision, "shadow", outputs={}))[1] == {"differences": None, "compared": False}


async def test_a_pointer_that_is_none_is_refused_by_name(pair: Installation) -> None:
    await pair.flags(SHADOW)
    decision = await pair.decide(new_node())
    both = {"outputs": {}, "compare_with": {}, "ignore": ["no pointer"]}
    status, answer = await told(pair, decision, "shadow", **both)
    assert (status, answer["field"]) == (422, "ignore")


async def test_another_tenants_outcome_is_refused(pair: Installation) -> None:
    await pair.flags(CROSSOVER)
    decision = await pair.decide(new_node(), who="beta")
    status, answer = await told(pair, decision, "crossover")
    assert (status, answer["field"]) == (422, "decision.context.tenant")


async def test_a_store_that_is_away_loses_no_step_and_gets_the_outcome_later(
    temporal: TemporalServer, worker: Worker, tmp_path: Path
) -> None:
    async with installed(temporal.address, tmp_path, limits=HURRIED) as one:
        await one.flags(CROSSOVER)
        decision = await one.decide(new_node())
        async with suspended(one):
            assert (await told(one, decision, "crossover"))[0] == 202

        async def kept() -> bool:
            reply = await one.as_().get("/v1/outcomes", params={"limit": 500})
            return reply.status_code == 200 and len(reply.json()["outcomes"]) == 1

        await until(kept)
