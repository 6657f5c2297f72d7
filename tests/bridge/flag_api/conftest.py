"""A bridge with Redis and two tenants, and callers of every kind."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from crossover.identity import Role, new_token
from testbed.redis import RedisServer
from testbed.servers import Bridge, TemporalServer
from tests.patience import BRIDGE, PATIENCE

REGISTRY = """
tenants:
  acme: {task_queues: ["*"], workflow_types: ["*"]}
  beta: {task_queues: ["*"], workflow_types: ["*"]}
"""
FLAG = "enable_crossover"


@dataclass
class Scene:
    """`as_` gives a client in the name of `operator` (platform), `acme`, `beta`, or `reader` (platform)."""

    bridge: Bridge
    redis: RedisServer
    clients: dict[str, httpx.AsyncClient]

    def as_(self, who: str) -> httpx.AsyncClient:
        return self.clients[who]

    async def version(self) -> int:
        return int((await self.as_("operator").get("/v1/flag-store")).json()["version"])


@pytest.fixture(scope="package")
async def scene(
    temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Scene, None]:
    home = tmp_path_factory.mktemp("flags")
    tokens = _tokens(home / "tokens.json")
    (home / "registry.yaml").write_text(REGISTRY)
    async with (
        RedisServer() as redis,
        Bridge(
            temporal.address,
            home / "bridge.log",
            auth="tokens",
            tokens_file=home / "tokens.json",
            registry_file=home / "registry.yaml",
            redis_url=redis.url,
            state_dir=home / "state",
            **BRIDGE,
        ) as bridge,
    ):
        clients = {who: _client(bridge.url, token) for who, token in tokens.items()}
        yield Scene(bridge, redis, clients)
        for client in clients.values():
            await client.aclose()


def _tokens(path: Path) -> dict[str, str]:
    made = {
        "operator": new_token("olga", "beta", Role.VIEWER),
        "reader": new_token("rita", "beta", Role.VIEWER),
        "acme": new_token("acme-steps", "acme", Role.OPERATOR),
        "beta": new_token("beta-steps", "beta", Role.OPERATOR),
        "viewer": new_token("acme-viewer", "acme", Role.VIEWER),
    }
    entries: list[dict[str, Any]] = [
        {**entry, **({"platform": role} if (role := _PLATFORM.get(who)) else {})}
        for who, (_, entry) in made.items()
    ]
    path.write_text(json.dumps(entries))
    return {who: token for who, (token, _) in made.items()}


_PLATFORM = {"operator": "operator", "reader": "viewer"}


def _client(url: str, token: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=2 * PATIENCE, trust_env=False)


@pytest.fixture
async def flags(scene: Scene) -> httpx.AsyncClient:
    """The operator's client, with one flag that says legacy to everyone."""
    client = scene.as_("operator")
    reply = await client.put(
        "/v1/flags",
        json={"document": {"flags": {FLAG: {}}}, "reason": "the next test"},
        headers={"If-Match": "*"},
    )
    assert reply.status_code == 200, reply.text
    return client
