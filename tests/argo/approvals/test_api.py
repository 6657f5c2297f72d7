"""The approval API of a real bridge: people with roles, several tenants, and a bridge that is killed."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from crossover.identity import Role, new_token
from testbed.servers import PATIENCE, Bridge, TemporalServer
from tests.argo.approvals.patient import QUEUE, Patient
from tests.argo.approvals.scene import node, until
from tests.fake_argo import FakeArgo

PEOPLE = {
    "argo-steps": ("acme", Role.OPERATOR),
    "alice": ("acme", Role.APPROVER),
    "bob": ("acme", Role.APPROVER),
    "vera": ("acme", Role.VIEWER),
    "sam": ("beta", Role.ADMIN),
}


class Argo(FakeArgo):
    async def __aenter__(self) -> Argo:
        await super().__aenter__()
        return self

    def submitted(self, argo: dict[str, Any], *, by: str) -> None:
        """As Argo Server labels it."""
        labels = {"workflows.argoproj.io/creator-preferred-username": by}
        self.keep(argo)["metadata"]["labels"] = labels


@dataclass(frozen=True)
class Scene:
    bridge: Bridge
    argo: Argo
    home: Path
    audit: Path

    async def ask(self, who: str, method: str, path: str = "", **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {(self.home / who).read_text()}"}
        return await self.bridge.http.request(method, f"/v1/approvals{path}", headers=headers, **more)

    async def asked(self, who: str = "argo-steps", **changes: Any) -> dict[str, Any]:
        if "argo" not in changes:
            changes["argo"] = node()
            self.argo.keep(changes["argo"])
        body = {"title": "Delete 312 stale tables", "resumes": False, **changes}
        reply = await self.ask(who, "POST", json=body)
        assert reply.status_code == 201, reply.text
        view: dict[str, Any] = reply.json()
        assert reply.headers["location"] == view["links"]["self"]
        return view

    async def decide(self, who: str, approval: str, decision: str, reason: str = "") -> httpx.Response:
        return await self.ask(who, "POST", f"/{approval}", json={"decision": decision, "reason": reason})


def settings(temporal: TemporalServer, home: Path, argo: Argo) -> dict[str, Any]:
    entries = []
    for who, (tenant, role) in PEOPLE.items():
        token, entry = new_token(who, tenant, role)
        (home / who).write_text(token)
        entries.append(entry)
    (home / "tokens.json").write_text(json.dumps(entries))
    tenants = {name: {"task_queues": ["*"], "workflow_types": ["*"]} for name in ("acme", "beta")}
    (home / "registry.yaml").write_text(json.dumps({"tenants": tenants}))
    return {
        "temporal": temporal.address,
        "log": home / "bridge.log",
        "auth": "tokens",
        "tokens_file": home / "tokens.json",
        "registry_file": home / "registry.yaml",
        "audit_file": home / "audit.jsonl",
        "argo_server_url": argo.url,
    }


@pytest.fixture(scope="module")
async def scene(
    temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Scene, None]:
    home = tmp_path_factory.mktemp("approvals")
    async with Argo() as argo, Bridge(**settings(temporal, home, argo)) as bridge:
        yield Scene(bridge, argo, home, home / "audit.jsonl")


async def test_asking_and_deciding_tell_all_there_is(scene: Scene) -> None:
    view = await scene.asked(description="They are old.", details={"tables": 312}, expires_in="8h")
    assert (view["state"], view["decided_by"], view["closed_at"]) == ("pending", None, None)
    assert (view["starter"], view["requested_by"], view["details"]) == (
        "argo-steps",
        "argo-steps",
        {"tables": 312},
    )
    assert view["trace_id"] == view["argo"]["workflow"]
    reply = await scene.decide("alice", view["id"], "approve", "the list is right")
    assert reply.status_code == 200, reply.text
    decided = reply.json()
    assert decided == (await scene.ask("vera", "GET", f"/{view['id']}")).json()
    assert (decided["state"], decided["decided_by"], decided["reason"]) == (
        "approved",
        "alice",
        "the list is right",
    )
    assert {key for key in view if view[key] != decided[key]} == {
        "state",
        "decided_by",
        "reason",
        "closed_at",
    }


async def test_a_repeated_request_is_answered_with_200(scene: Scene) -> None:
    view = await scene.asked()
    body = {"argo": view["argo"], "title": view["title"], "resumes": False}
    again = await scene.ask("argo-steps", "POST", json=body)
    assert (again.status_code, again.json()) == (200, view)
    other = await scene.ask("argo-steps", "POST", json={**body, "title": "Delete everything"})
    assert (other.status_code, other.json()["type"]) == (409, "urn:crossover:error:conflict")


@pytest.mark.parametrize(("who", "status"), [("vera", 403), ("argo-steps", 403), ("sam", 404)])
async def test_only_approvers_of_the_tenant_decide(scene: Scene, who: str, status: int) -> None:
    view = await scene.asked()
    assert (await scene.decide(who, view["id"], "approve")).status_code == status
    assert (await scene.ask("vera", "GET", f"/{view['id']}")).json()["state"] == "pending"


async def test_anothers_approval_is_answered_as_one_that_is_none(scene: Scene) -> None:
    view = await scene.asked()
    nobodys = f"{view['id'][:-4]}0000"
    texts = [
        (await scene.ask("sam", "GET", f"/{each}")).text.replace(each, "X") for each in (view["id"], nobodys)
    ]
    assert texts[0].split('"instance"')[0] == texts[1].split('"instance"')[0]
    listed = (await scene.ask("sam", "GET", params={"trace_id": view["trace_id"]})).json()
    assert listed == {"approvals": [], "next_page_token": None}
    run = {"id": f"crossover/acme/argo/{uuid.uuid4()}/n-1", "signal": "approved"}
    assert (await scene.ask("sam", "POST", json={"run": run, "title": "mine"})).status_code == 404


async def test_the_submitter_may_not_approve(scene: Scene) -> None:
    own = node()
    scene.argo.submitted(own, by="alice")
    view = await scene.asked(argo=own)
    reply = await scene.decide("alice", view["id"], "approve")
    assert (reply.status_code, "four eyes" in reply.text) == (403, True)
    scene.argo.break_for(own["workflow"])
    assert (await scene.decide("bob", view["id"], "approve")).status_code == 503
    assert (await scene.ask("vera", "GET", f"/{view['id']}")).json()["state"] == "pending"


async def test_a_waiting_client_is_answered_at_once(scene: Scene) -> None:
    view = await scene.asked()
    waiting = asyncio.create_task(scene.ask("vera", "GET", f"/{view['id']}", params={"wait": "30s"}))
    brief = await scene.ask("vera", "GET", f"/{view['id']}", params={"wait": "0.1s"})
    assert (brief.json()["state"], waiting.done()) == ("pending", False)
    await scene.decide("alice", view["id"], "reject", "no")
    assert (await asyncio.wait_for(waiting, PATIENCE)).json()["state"] == "rejected"


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("POST", "", {"json": {}}, 422),
        ("POST", "", {"json": {"title": "x"}}, 422),
        ("POST", "", {"content": b"{", "headers": {}}, 415),
        ("POST", "", {"json": []}, 400),
        ("POST", "", {"json": {"title": "x", "argo": node(), "details": {"x": "y" * 9000}}}, 422),
        ("POST", "/no-such", {"json": {"decision": "approve"}}, 404),
        ("POST", "/no-such", {"json": {"decision": "approve", "who": "bob"}}, 422),
        ("POST", "/no-such", {"json": {"decision": "reject"}}, 422),
        ("GET", "/%27%20OR%201=1", {}, 404),
        ("GET", "/no-such", {"params": {"wait": "soon"}}, 422),
        ("GET", "", {"params": {"state": "maybe"}}, 422),
        ("GET", "", {"params": {"trace_id": "'"}}, 422),
        ("GET", "", {"params": {"limit": 0}}, 422),
        ("GET", "", {"params": {"page_token": "AAAA"}}, 422),
    ],
)
async def test_garbage_is_refused(
    scene: Scene, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    headers = {"authorization": f"Bearer {(scene.home / 'bob').read_text()}"}
    given = {**more, "headers": {**headers, **more.get("headers", {})}}
    reply = await scene.bridge.http.request(method, f"/v1/approvals{path}", **given)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"


async def test_who_did_what_is_in_the_audit_and_no_details_are(scene: Scene) -> None:
    view = await scene.asked(description="s3cret-words", details={"password": "s3cret-value"})
    await scene.decide("alice", view["id"], "approve", "seen it")

    async def audited() -> list[dict[str, Any]]:
        lines = scene.audit.read_text().splitlines() if scene.audit.exists() else []
        found = [entry for line in lines if (entry := json.loads(line))["subject"] == view["id"]]
        return found if len(found) == 2 else []

    first, second = await until(audited)
    assert (first["action"], first["who"]) == ("approval.requested", "argo-steps")
    assert (second["action"], second["who"], second["why"]) == ("approval.approved", "alice", "seen it")
    assert first["request_id"] != second["request_id"] != ""
    assert "s3cret" not in scene.audit.read_text()
    assert "s3cret" not in (scene.home / "bridge.log").read_text()
    assert await scene.bridge.metric("crossover_approvals_total") >= 2


async def test_what_a_killed_bridge_decided_the_next_one_carries_out(
    temporal: TemporalServer, client: Client, tmp_path: Path
) -> None:
    """It is killed as soon as it has answered; whether it has told the runs by then or not."""
    async with (
        Argo() as argo,
        Worker(client, task_queue=QUEUE, workflows=[Patient], workflow_runner=UnsandboxedWorkflowRunner()),
    ):
        given = settings(temporal, tmp_path, argo)
        runs = [
            await client.start_workflow(
                "Patient", 2, id=f"crossover/acme/argo/{uuid.uuid4()}/n-1", task_queue=QUEUE
            )
            for _ in range(5)
        ]
        async with Bridge(**given) as bridge:
            scene = Scene(bridge, argo, tmp_path, tmp_path / "audit.jsonl")
            asked = [
                await scene.ask(
                    "argo-steps", "POST", json={"run": {"id": run.id, "signal": "approved"}, "title": "x"}
                )
                for run in runs
            ]
            decisions = [scene.decide("alice", each.json()["id"], "approve") for each in asked]
            assert {reply.status_code for reply in await asyncio.gather(*decisions)} == {200}
            await bridge.kill()
        async with Bridge(**given):
            for run in runs:

                async def heard(run: Any = run) -> list[dict[str, str]]:
                    found: list[dict[str, str]] = await run.query(Patient.so_far)
                    return found

                (told,) = await until(heard)
                assert (told["decision"], told["who"]) == ("approved", "alice")
        for run in runs:
            assert len(await run.query(Patient.so_far)) == 1
            await run.terminate()
