"""One answer for a node, whoever asks, whenever, wherever."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio.client import Client

from tests.bridge.decisions.installation import (
    CROSSOVER,
    FLAG,
    LEGACY,
    Installation,
    new_node,
    run_of,
    start_of,
    until,
)


def said(decision: dict[str, Any]) -> dict[str, Any]:
    """All but who keeps it now."""
    return {key: value for key, value in decision.items() if key != "pinned"}


async def test_a_retry_another_replica_and_a_restart_get_the_very_same_decision(
    rolled_out: Installation,
) -> None:
    node = new_node()
    first = await rolled_out.decide(node)
    assert (first["variant"], first["pinned"], first["stale"], first["note"]) == (
        "crossover",
        "shared",
        False,
        "",
    )
    assert await rolled_out.decide({**node, "retries": 2}) == first
    assert await rolled_out.decide(node, replica=1) == first
    await rolled_out.restart()
    assert await rolled_out.decide(node, replica=1) == first


async def test_a_changed_flag_decides_new_nodes_only(rolled_out: Installation) -> None:
    node = new_node()
    first = await rolled_out.decide(node)
    version = await rolled_out.flags({**CROSSOVER, "kill": True})
    assert await rolled_out.decide(node) == await rolled_out.decide(node, replica=1) == first
    later = await rolled_out.decide(new_node())
    assert (later["variant"], later["reason"], later["config_version"]) == ("legacy", "DISABLED", version)


async def test_another_workflow_another_node_and_another_tenant_are_decided_anew(
    rolled_out: Installation,
) -> None:
    node = new_node()
    assert (await rolled_out.decide(node))["variant"] == "crossover"
    await rolled_out.flags(LEGACY)
    again = {**node, "uid": new_node()["uid"]}
    other = {**node, "node_name": node["node_name"] + "(1)"}
    assert (await rolled_out.decide(again))["variant"] == "legacy"
    assert (await rolled_out.decide(other))["variant"] == "legacy"
    assert (await rolled_out.decide(node, who="beta"))["variant"] == "legacy"


async def test_a_wiped_redis_gets_the_pin_again_from_a_replica_that_knows_it(
    rolled_out: Installation,
) -> None:
    node = new_node()
    first = await rolled_out.decide(node)
    await rolled_out.flags(LEGACY)
    await rolled_out.wiped()
    assert await rolled_out.decide(node) == first
    assert await rolled_out.decide(node, replica=1) == first


async def test_fifty_callers_at_two_replicas_get_one_answer_while_the_rollout_flips(
    pair: Installation,
) -> None:
    async def flip() -> None:
        for document in (CROSSOVER, LEGACY) * 4:
            await pair.flags(document)

    flipping = asyncio.create_task(flip())
    nodes = [new_node() for _ in range(4)]
    for node in nodes:
        answers = await asyncio.gather(*(pair.decide(node, each % 2) for each in range(50)))
        assert {answer["pinned"] for answer in answers} == {"shared"}
        assert len({str(said(answer)) for answer in answers}) == 1
    await flipping
    for node in nodes:
        assert said(await pair.decide(node)) == said(await pair.decide(node, replica=1))


async def test_a_decision_is_in_memo_search_attribute_view_audit_and_trace(
    rolled_out: Installation, client: Client
) -> None:
    node = new_node()
    decision = await rolled_out.decide(node, app="extractor", environment="prod", trace_id=node["workflow"])
    reply = await rolled_out.start(start_of(node, decision))
    assert reply.json()["decision"] == said(decision)
    described = await client.get_workflow_handle(run_of(node)).describe()
    assert (await described.memo())["crossover"]["decision"] == said(decision)
    assert described.search_attributes["CrossoverVariant"] == ["crossover"]
    acme = rolled_out.as_()
    listed = (await acme.get("/v1/decisions", params={"trace_id": node["workflow"]})).json()
    assert listed["decisions"] == [said(decision)]

    async def audited() -> bool:
        entries = (await acme.get("/v1/audit", params={"limit": 500})).json()["entries"]
        own = [e for e in entries if e["action"] == "decision.made" and node["uid"] in e["subject"]]
        return [(e["who"], e["tenant"], e["after"]) for e in own] == [("acme-steps", "acme", said(decision))]

    await until(audited)


async def test_decisions_of_a_trace_are_the_own_tenants_oldest_first(rolled_out: Installation) -> None:
    trace = new_node()["workflow"]
    nodes = [new_node() for _ in range(3)]
    for number, node in enumerate(nodes):
        await rolled_out.decide(node, replica=number % 2, trace_id=trace)
    asked = {"trace_id": trace}
    for replica in (0, 1):
        reply = await rolled_out.as_(replica=replica).get("/v1/decisions", params=asked)
        assert [each["argo"] for each in reply.json()["decisions"]] == nodes
    assert (await rolled_out.as_("beta").get("/v1/decisions", params=asked)).json() == {"decisions": []}


async def test_only_who_may_decide_decides(rolled_out: Installation) -> None:
    reply = await rolled_out.as_("viewer").post("/v1/decisions", json={"argo": new_node()})
    assert reply.status_code == 403
    nobody = await rolled_out.replicas[0].http.post("/v1/decisions", json={"argo": new_node()})
    assert nobody.status_code == 401


async def test_an_unknown_flag_is_legacy_and_says_so(rolled_out: Installation) -> None:
    decision = await rolled_out.decide(new_node(), flag="no_such_flag")
    assert (decision["variant"], decision["reason"]) == ("legacy", "DEFAULT")
    assert "There is no flag no_such_flag" in decision["note"]


async def test_a_pin_that_nobody_can_read_is_legacy_with_the_reason(rolled_out: Installation) -> None:
    node, trace = new_node(), new_node()["workflow"]
    await rolled_out.decide(node, trace_id=trace)
    key = f"{{crossover}}:pins:acme/{FLAG}/argo/{node['uid']}/{run_of(node).rsplit('/', 1)[1]}"
    assert (await rolled_out.redis.command("SET", key, "garbage")).startswith(b"+OK")
    decision = await rolled_out.decide(node, replica=1)
    assert (decision["variant"], decision["reason"]) == ("legacy", "ERROR")
    assert "cannot read" in decision["note"]
    listing = await rolled_out.as_(replica=1).get("/v1/decisions", params={"trace_id": trace})
    assert listing.status_code == 503
