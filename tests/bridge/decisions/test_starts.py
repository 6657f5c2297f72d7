"""Starting what was decided: the node's own decision or none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bridge.decisions.installation import (
    LEGACY,
    SHADOW,
    Installation,
    new_node,
    start_of,
)


async def refused(pair: Installation, body: dict[str, Any], replica: int = 0) -> tuple[int, str, str]:
    reply = await pair.start(body, replica)
    problem = reply.json()
    return reply.status_code, problem["type"].rsplit(":", 1)[-1], problem.get("field", "")


async def test_its_own_decision_starts_a_node_and_attaches_its_retry(rolled_out: Installation) -> None:
    node = new_node()
    decision = await rolled_out.decide(node)
    first = await rolled_out.start(start_of(node, decision))
    again = await rolled_out.start(start_of({**node, "retries": 1}, decision), replica=1)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]


async def test_shadow_starts_a_run(pair: Installation) -> None:
    await pair.flags(SHADOW)
    view = await pair.started(new_node())
    assert view["decision"]["variant"] == "shadow"


async def test_a_decision_without_a_pin_is_pinned_by_the_start(rolled_out: Installation) -> None:
    node = new_node()
    decision = {**await rolled_out.decide(new_node()), "argo": node}
    assert (await rolled_out.start(start_of(node, decision))).status_code == 201
    await rolled_out.flags(LEGACY)
    assert await rolled_out.decide(node, replica=1) == decision


@pytest.mark.parametrize("part", ["namespace", "uid", "node_name"])
async def test_another_nodes_decision_is_refused(rolled_out: Installation, part: str) -> None:
    node = new_node()
    decision = await rolled_out.decide({**node, part: "another"})
    assert await refused(rolled_out, start_of(node, decision)) == (422, "invalid-field", "decision.argo")


async def test_another_tenants_decision_is_refused(rolled_out: Installation) -> None:
    node = new_node()
    decision = await rolled_out.decide(node, who="beta")
    answer = await refused(rolled_out, start_of(node, decision))
    assert answer == (422, "invalid-field", "decision.context.tenant")


@pytest.mark.parametrize("replica", [0, 1])
async def test_a_decision_that_contradicts_the_pin_is_a_conflict(
    rolled_out: Installation, replica: int
) -> None:
    node = new_node()
    decision = await rolled_out.decide(node)
    other = start_of(node, {**decision, "variant": "shadow"})
    assert await refused(rolled_out, other, replica) == (409, "decision-conflict", "decision.variant")
    assert (await rolled_out.start(start_of(node, decision))).status_code == 201


async def test_legacy_starts_nothing(pair: Installation) -> None:
    await pair.flags(LEGACY)
    node = new_node()
    decision = await pair.decide(node)
    conflict = (409, "decision-conflict", "decision.variant")
    assert await refused(pair, start_of(node, decision)) == conflict
    assert await refused(pair, start_of(node, {**decision, "variant": "crossover"}), 1) == conflict


GARBAGE: list[tuple[tuple[str, ...], Any]] = [
    (("flag",), "No Flag"),
    (("variant",), "maybe"),
    (("reason",), 7),
    (("rule",), "x" * 1001),
    (("config_version",), "1"),
    (("config_version",), 1e300),
    (("context",), None),
    (("context", "tenant"), "../acme"),
    (("context", "app"), ["a"]),
    (("argo",), "argo"),
    (("argo", "uid"), {"a": 1}),
    (("argo", "namespace"), "a/b"),
    (("argo", "node_name"), 5),
    (("trace_id",), "no such id\n"),
    (("decided_at",), "2026-01-31T12:00:00"),
    (("decided_at",), "0001-01-01T00:00:00+00:00"),
    (("decided_at",), "yesterday"),
    (("stale",), "yes"),
    (("note",), "x" * 2001),
]


@pytest.mark.parametrize(("path", "value"), GARBAGE, ids=lambda each: str(each)[:30])
async def test_a_garbled_decision_is_refused_by_the_name_of_its_field(
    rolled_out: Installation, path: tuple[str, ...], value: object
) -> None:
    node = new_node()
    decision = await rolled_out.decide(node)
    place = decision
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    field = ".".join(("decision", *path))
    status, kind, named = await refused(rolled_out, start_of(node, decision))
    assert (status, kind) == (422, "invalid-field")
    assert named.startswith(field)
    outcome = {"decision": decision, "side": "crossover", "phase": "Succeeded", "duration_s": 1}
    reply = await rolled_out.as_().post("/v1/outcomes", json=outcome)
    assert (reply.status_code, reply.json()["field"]) == (422, named)


@pytest.mark.parametrize("given", [[], "crossover", 7, {}])
async def test_what_is_no_decision_is_refused(rolled_out: Installation, given: object) -> None:
    status, _, field = await refused(rolled_out, {**start_of(new_node()), "decision": given})
    assert status == 422
    assert field.startswith("decision")
