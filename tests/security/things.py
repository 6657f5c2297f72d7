"""What a tenant has, and the like of it that nobody has."""

from __future__ import annotations

import asyncio
import base64
import uuid
from dataclasses import dataclass
from typing import Any

import httpx

from tests.bridge.conftest import start_body
from tests.patience import PATIENCE
from tests.security.scene import Scene

SHARED = "shared-id"
"""The trace id that both tenants use."""


@dataclass(frozen=True)
class Things:
    """What a request may name; those of a tenant, or made-up ones of the same lengths.

    Args:
        trace: known to this tenant alone.
        page: page token of the run's history.
        cursor: where a viewer is in the trace's feed.
        entry: id of an entry of the audit.
        approval: id of an approval that waits.
    """

    tenant: str
    run: str
    trace: str
    decision: dict[str, Any]
    page: str
    cursor: str
    entry: str
    approval: str

    def echoed(self, text: str) -> str:
        """The text without the names that a request has brought along."""
        named = ("IT", self.approval), ("RUN", self.run), ("TRACE", self.trace), ("TENANT", self.tenant)
        for name, value in named:
            text = text.replace(value, name)
        return text


def mark(tenant: str) -> str:
    """In all that the tenant writes; in nothing else."""
    return f"{tenant}-keeps-this-to-itself"


async def made(scene: Scene, tenant: str) -> Things:
    """A run, decisions, outcomes, lines and entries of the audit, each marked as the tenant's."""
    trace = f"{tenant}-trace"
    run, decision = "", dict[str, Any]()
    for trace_id in (SHARED, trace):
        await _workflow(scene, tenant, trace_id)
        run, decision = await _node(scene, tenant, trace_id)
    history = await scene.ask(tenant, "GET", f"/v1/runs/{run}/history", params={"limit": 1})
    audit = await scene.ask(tenant, "GET", "/v1/audit", params={"limit": 1})
    cursor = await _cursor(scene, tenant, trace)
    page = history.json()["next_page_token"]
    asked = {"argo": decision["argo"], "title": mark(tenant), "resumes": False, "trace_id": trace}
    approval = _ok(await scene.ask(tenant, "POST", "/v1/approvals", json=asked), 201)["id"]
    return Things(tenant, run, trace, decision, page, cursor, audit.json()["entries"][0]["id"], approval)


def absent(of: Things) -> Things:
    """Nobody has these: not even the tenant exists."""
    tenant = "nope"
    assert len(tenant) == len(of.tenant)
    trace = of.trace.replace(of.tenant, tenant)
    argo = {**of.decision["argo"], "uid": str(uuid.uuid4())}
    page = base64.urlsafe_b64decode(of.page).replace(b"-", b"_")
    return Things(
        tenant,
        of.run[:-4].replace(f"/{of.tenant}/", f"/{tenant}/") + "0000",
        trace,
        {**of.decision, "argo": argo, "context": {**of.decision["context"], "tenant": tenant}},
        base64.urlsafe_b64encode(page).decode(),
        of.cursor,
        of.entry[:-1] + ("8" if of.entry[-1] == "9" else "9"),
        of.approval[:-4] + "0000",
    )


async def _node(scene: Scene, tenant: str, trace_id: str) -> tuple[str, dict[str, Any]]:
    """A run that stays open, with the decision that led to it and how it went."""
    argo = {
        "namespace": f"{tenant}-argo",
        "workflow": trace_id,
        "uid": str(uuid.uuid4()),
        "node_name": f"{trace_id}.{mark(tenant)}",
    }
    asked = {"argo": argo, "trace_id": trace_id}
    decided = _ok(await scene.ask(tenant, "POST", "/v1/decisions", json=asked), 200)
    decision = {key: value for key, value in decided.items() if key != "pinned"}
    body = start_body("Talker", argo=argo, trace_id=trace_id, input={"note": mark(tenant)})
    run = str(_ok(await scene.ask(tenant, "POST", "/v1/runs", json=body), 201)["id"])
    told = {"decision": decision, "side": "legacy", "phase": "Succeeded", "duration_s": 1}
    _ok(await scene.ask(tenant, "POST", "/v1/outcomes", json=told), 202)
    said = {"name": "say", "args": [mark(tenant)]}
    assert (await scene.ask(tenant, "POST", f"/v1/runs/{run}/signal", json=said)).status_code == 202
    await _audited(scene, tenant, run)
    return run, decision


async def _workflow(scene: Scene, tenant: str, name: str) -> None:
    """An Argo workflow with one line in its log."""
    space, pod = f"{tenant}-argo", f"{name}-0"
    status = {"phase": "Running", "startedAt": "2026-11-21T00:00:00Z", "nodes": {}}
    metadata = {"name": name, "namespace": space, "uid": f"uid-{tenant}-{name}"}
    await scene.cluster.workflow({"metadata": metadata, "status": status})
    await scene.cluster.pod(pod, namespace=space, labels={"workflows.argoproj.io/workflow": name})
    await scene.cluster.append(pod, [mark(tenant).encode()], namespace=space)


async def _cursor(scene: Scene, tenant: str, trace: str) -> str:
    """Behind the trace's first line."""
    reply = await scene.ask(
        tenant, "GET", f"/v1/logs/{trace}", params={"follow": "false", "format": "sse", "source": "argo"}
    )
    assert mark(tenant) in reply.text, reply.text
    return [line[4:] for line in reply.text.splitlines() if line.startswith("id: ")][-1]


async def _audited(scene: Scene, tenant: str, run: str) -> None:
    """The audit is written in the background."""
    async with asyncio.timeout(PATIENCE):
        while True:
            reply = await scene.ask(tenant, "GET", "/v1/audit", params={"limit": 500})
            if run in {entry["subject"] for entry in reply.json()["entries"]}:
                return
            await asyncio.sleep(0.05)


def _ok(reply: httpx.Response, status: int) -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    found: dict[str, Any] = reply.json()
    return found
