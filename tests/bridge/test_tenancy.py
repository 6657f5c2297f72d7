"""Tokens and tenants over every route: nobody sees or touches another tenant's runs."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.worker import Worker

from crossover.identity import Role, new_token
from testbed.servers import Bridge, TemporalServer
from tests.bridge.application import QUEUE
from tests.bridge.conftest import start_body

REGISTRY = f"""
apps:
  echo: {{workflow_type: Echo, task_queue: {QUEUE}, max_execution_timeout: 2h}}
tenants:
  acme: {{task_queues: ["{QUEUE}"], workflow_types: ["*"]}}
  acm: {{apps: [echo]}}
"""


@dataclass
class Guarded:
    bridge: Bridge
    tokens: dict[str, str]

    async def ask(self, who: str | None, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens.get(who, who)}"} if who else {}
        return await self.bridge.http.request(method, path, headers=headers, **more)


@pytest.fixture(scope="module")
async def guarded(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Guarded, None]:
    path = tmp_path_factory.mktemp("guarded")
    tokens, entries = {}, []
    for tenant in ("acme", "acm"):
        for role in Role:
            name = f"{tenant}-{role.name.lower()}"
            tokens[name], entry = new_token(name, tenant, role)
            entries.append(entry)
    (path / "tokens.json").write_text(json.dumps(entries))
    (path / "registry.yaml").write_text(REGISTRY)
    async with Bridge(
        temporal.address,
        path / "log",
        auth="tokens",
        tokens_file=path / "tokens.json",
        registry_file=path / "registry.yaml",
    ) as bridge:
        yield Guarded(bridge, tokens)


async def acme_run(guarded: Guarded) -> str:
    reply = await guarded.ask("acme-operator", "POST", "/v1/runs", json=start_body("Talker"))
    assert reply.status_code == 201, reply.text
    run: str = reply.json()["id"]
    return run


async def routes(guarded: Guarded, run: str) -> list[tuple[str, str]]:
    """Every route of the API that names a run, from its own OpenAPI document."""
    document = (await guarded.bridge.http.get("/openapi.json")).json()
    found = []
    for path, methods in document["paths"].items():
        if "{run" in path:
            head, tail = path.split("{run")[0], path.split("}", 1)[1]
            found += [(method.upper(), head + run + tail) for method in methods]
    assert len(found) >= 10
    return found


BODIES: dict[str, dict[str, Any]] = {
    "signal": {"name": "say", "args": ["x"]},
    "query": {"name": "heard"},
    "update": {"name": "ask", "args": ["x"]},
}


def body_for(path: str) -> dict[str, Any]:
    return BODIES.get(path.rsplit("/", 1)[-1], {})


async def test_every_route_but_health_refuses_a_caller_without_a_token(guarded: Guarded) -> None:
    run = await acme_run(guarded)
    for method, path in [*await routes(guarded, run), ("GET", "/v1/runs"), ("POST", "/v1/runs")]:
        for who in (None, "not-a-token"):
            reply = await guarded.ask(who, method, path, json=body_for(path))
            assert reply.status_code == 401, (method, path, reply.text)
            assert reply.headers["www-authenticate"] == "Bearer"
            assert reply.json()["exit_code"] == 77
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await guarded.ask(None, "GET", path)).status_code == 200


async def test_another_tenant_finds_nothing_on_any_route(guarded: Guarded) -> None:
    run = await acme_run(guarded)
    missing = run[:-4] + "0000"
    pairs = zip(await routes(guarded, run), await routes(guarded, missing), strict=True)
    for (method, path), (_, nothing) in pairs:
        foreign = await guarded.ask("acm-admin", method, path, json=body_for(path))
        absent = await guarded.ask("acm-admin", method, nothing, json=body_for(path))
        assert foreign.status_code == 404, (method, path, foreign.text)
        assert foreign.text.replace(run, "RUN") == absent.text.replace(missing, "RUN")
    view = (await guarded.ask("acme-viewer", "GET", f"/v1/runs/{run}")).json()
    assert (view["exit_code"], view["cancel_requested"]) == (None, False)


async def test_a_tenants_list_holds_its_own_runs_only(guarded: Guarded) -> None:
    await acme_run(guarded)
    reply = await guarded.ask("acm-admin", "GET", "/v1/runs")
    assert reply.json()["runs"] == []


async def test_a_viewer_may_read_and_not_act(guarded: Guarded) -> None:
    run = await acme_run(guarded)
    for method, path in await routes(guarded, run):
        if method == "GET" and not path.endswith("/events"):
            assert (await guarded.ask("acme-viewer", method, path)).status_code == 200
        elif method == "POST":
            reply = await guarded.ask("acme-viewer", method, path, json=body_for(path))
            assert (reply.status_code, reply.json()["exit_code"]) == (403, 77), path
    reply = await guarded.ask("acme-viewer", "POST", "/v1/runs", json=start_body())
    assert reply.status_code == 403


async def test_the_tenant_comes_from_the_token_and_never_from_the_body(guarded: Guarded) -> None:
    body = {"app": "echo", "argo": start_body()["argo"]}
    reply = await guarded.ask("acm-operator", "POST", "/v1/runs", json=body)
    assert reply.json()["id"].startswith("crossover/acm/")
    forged = await guarded.ask("acm-operator", "POST", "/v1/runs", json={**body, "tenant": "acme"})
    assert (forged.status_code, forged.json()["field"]) == (422, "tenant")


async def test_queues_and_types_take_a_pattern_that_allows_them(guarded: Guarded) -> None:
    reply = await guarded.ask("acm-operator", "POST", "/v1/runs", json=start_body())
    assert (reply.status_code, reply.json()["field"]) == (403, "task_queue")
    other = await guarded.ask("acme-operator", "POST", "/v1/runs", json=start_body(task_queue="elsewhere"))
    assert (other.status_code, other.json()["field"]) == (403, "task_queue")


async def test_no_token_is_ever_logged(guarded: Guarded) -> None:
    await acme_run(guarded)
    await guarded.ask("not-a-token", "GET", "/v1/runs")
    log = Path(guarded.bridge.log).read_text()
    assert "/v1/runs" in log
    assert not [name for name, token in guarded.tokens.items() if token in log]
    assert "not-a-token" not in log
