"""A person's yes or no, in a real Argo's workflow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from testbed.servers import PATIENCE
from tests.argo.real.scene import Scene, dag, nodes, outputs

pytestmark = [pytest.mark.timeout(300), pytest.mark.parametrize("mode", ["callback"])]


def ask(**parameters: str) -> dict[str, Any]:
    given = {"title": 'Delete "stale" tables', "four-eyes": "false", **parameters}
    return {
        "templateRef": {"name": "crossover-approval", "template": "approve"},
        "arguments": {"parameters": [{"name": name, "value": value} for name, value in given.items()]},
    }


async def pending(scene: Scene, workflow: str) -> dict[str, Any]:
    """The approval that the workflow asks for."""
    async with asyncio.timeout(PATIENCE):
        while True:
            reply = await scene.bridge.http.get("/v1/approvals", params={"trace_id": workflow})
            if found := reply.json()["approvals"]:
                return dict(found[0])
            await asyncio.sleep(0.1)


async def decide(scene: Scene, approval: str, decision: str, reason: str) -> None:
    reply = await scene.bridge.http.post(
        f"/v1/approvals/{approval}", json={"decision": decision, "reason": reason}
    )
    assert reply.status_code == 200, reply.text


async def test_approved_the_workflow_goes_on_and_knows_by_whom(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(ask=ask()))
    approval = await pending(scene, name)
    assert approval["title"] == 'Delete "stale" tables'
    await decide(scene, approval["id"], "approve", "they are stale")
    workflow = await scene.over(name)
    assert workflow["status"]["phase"] == "Succeeded", workflow["status"]
    given = outputs(nodes(workflow)["ask"])
    assert (given["decision"], given["reason"]) == ("approved", "they are stale")
    assert given["decided-by"]


async def test_rejected_the_workflow_fails_with_the_reason(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(ask=ask()))
    await decide(scene, (await pending(scene, name))["id"], "reject", "not on a Friday")
    workflow = await scene.over(name)
    assert workflow["status"]["phase"] == "Failed"
    assert any("not on a Friday" in node.get("message", "") for node in nodes(workflow).values())


async def test_nobodys_answer_is_a_no(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(ask=ask(**{"expires-in": "3s"})))
    workflow = await scene.over(name)
    assert workflow["status"]["phase"] == "Failed"
    assert any("expired" in node.get("message", "") for node in nodes(workflow).values())


async def test_what_a_stopped_workflow_asked_for_is_asked_no_more(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(ask=ask()))
    approval = await pending(scene, name)
    await scene.argo.call("stop", name)
    await scene.over(name)
    async with asyncio.timeout(PATIENCE):
        while True:
            reply = await scene.bridge.http.get(f"/v1/approvals/{approval['id']}")
            if reply.json()["state"] == "withdrawn":
                return
            await asyncio.sleep(0.5)
