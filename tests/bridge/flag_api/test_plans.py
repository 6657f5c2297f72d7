"""A staged rollout from the outside: begun, moved by outcomes, halted by a broken gate."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx

from tests.bridge.flag_api.conftest import FLAG, Scene
from tests.patience import PATIENCE

GATE = {"min_outcomes": 5, "max_failure_rate": 0.2}


async def begin(flags: httpx.AsyncClient, *steps: dict[str, Any], **gate: Any) -> None:
    body = {"steps": steps, "gate": {**GATE, **gate}, "reason": "staged"}
    reply = await flags.post(f"/v1/flags/{FLAG}/plan", json=body)
    assert reply.status_code == 200, reply.text


async def split(flags: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await flags.get(f"/v1/flags/{FLAG}")).json()["flag"]["rollout"][0]
    return found


async def until(flags: httpx.AsyncClient, **wanted: Any) -> dict[str, Any]:
    """The split, once its plan is as wanted.."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = await split(flags)
            plan = {"status": "running", "step": 0, **found["plan"]}
            if plan.get("since") and all(plan[key] == value for key, value in wanted.items()):
                return found
            await asyncio.sleep(0.1)


async def tell(scene: Scene, *, failed: int, succeeded: int) -> None:
    """Outcomes of crossover nodes of acme."""
    acme = scene.as_("acme")
    for number in range(failed + succeeded):
        uid = uuid.uuid4().hex
        argo = {"namespace": "argo", "workflow": f"w-{uid}", "uid": uid, "node_name": "w.x"}
        decision = (await acme.post("/v1/decisions", json={"argo": argo})).json()
        assert decision["variant"] == "crossover"
        del decision["pinned"]
        phase = "Failed" if number < failed else "Succeeded"
        body = {"decision": decision, "side": "crossover", "phase": phase, "duration_s": 3.5}
        reply = await acme.post("/v1/outcomes", json=body)
        assert reply.status_code == 202, reply.text


async def audited_moves(flags: httpx.AsyncClient) -> list[str]:
    entries = (await flags.get("/v1/audit", params={"everything": "true"})).json()["entries"]
    return [entry["action"] for entry in entries if entry["who"] == "rollout"]


async def test_a_plan_goes_on_while_its_gate_holds_and_returns_when_it_breaks(
    scene: Scene, flags: httpx.AsyncClient
) -> None:
    await flags.post(f"/v1/flags/{FLAG}/rollout", json={"crossover": 1, "reason": "where we begin"})
    await flags.post(f"/v1/flags/{FLAG}/allow", json={"tenant": "acme", "reason": "pilot"})
    await begin(flags, {"crossover": 25, "hold": 0}, {"crossover": 50, "hold": 0}, {"crossover": 100})
    assert (await until(flags, step=0))["crossover"] == 25
    waiting = (await flags.get(f"/v1/flags/{FLAG}/plan")).json()["plans"][0]
    assert (waiting["ruling"], waiting["figures"]["crossover"]["count"]) == ("waits", 0)
    await tell(scene, failed=1, succeeded=9)
    assert (await until(flags, step=1))["crossover"] == 50
    await tell(scene, failed=4, succeeded=2)
    halted = await until(flags, status="halted")
    assert halted["crossover"] == 1, "back to where it began"
    assert "failed" in halted["plan"]["note"]
    newest = (await flags.get("/v1/flag-versions", params={"limit": 1})).json()["versions"][0]
    assert (newest["change"]["who"], newest["change"]["action"]) == ("rollout", "rollout.halted")
    async with asyncio.timeout(PATIENCE):  # the audit is written a moment later
        while (moves := await audited_moves(flags))[:1] != ["rollout.halted"]:
            await asyncio.sleep(0.05)
    assert moves[:3] == ["rollout.halted", "rollout.advanced", "rollout.started"]


async def test_an_operator_holds_a_plan_and_takes_it_back(scene: Scene, flags: httpx.AsyncClient) -> None:
    await begin(flags, {"crossover": 25, "hold": 0}, {"crossover": 50})
    await until(flags, step=0)
    assert (await flags.post(f"/v1/flags/{FLAG}/pause", json={"reason": "let me look"})).status_code == 200
    again = await flags.post(f"/v1/flags/{FLAG}/pause", json={"reason": "let me look"})
    assert (again.status_code, "paused" in again.json()["detail"]) == (422, True)
    assert (await flags.post(f"/v1/flags/{FLAG}/resume", json={"reason": "go on"})).status_code == 200
    back = await flags.post(f"/v1/flags/{FLAG}/roll-back", json={"reason": "not good"})
    assert back.status_code == 200, back.text
    assert (await split(flags)).get("crossover", 0) == 0
    await flags.post(f"/v1/flags/{FLAG}/stop", json={"reason": "clean up"})
    assert "plan" not in await split(flags)


async def test_a_plan_with_a_condition_moves_only_what_it_is_for(
    scene: Scene, flags: httpx.AsyncClient
) -> None:
    await flags.post(f"/v1/flags/{FLAG}/rollout", json={"crossover": 3, "reason": "everyone"})
    body = {"steps": [{"crossover": 40}], "when": {"connector": ["hive"]}, "reason": "hive first"}
    assert (await flags.post(f"/v1/flags/{FLAG}/plan", json=body)).json()["shadowed"] == []
    rollout = (await flags.get(f"/v1/flags/{FLAG}")).json()["flag"]["rollout"]
    assert [each.get("when", {}) for each in rollout] == [{"connector": ["hive"]}, {}]
