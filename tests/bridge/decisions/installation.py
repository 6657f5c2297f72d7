"""Replicas of the bridge with one Redis, callers of several tenants, and nodes to decide."""

from __future__ import annotations

import asyncio
import itertools
import json
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from crossover.contract.run import ArgoNode, Scope, run_id
from crossover.identity import Role, new_token
from testbed.redis import RedisServer
from testbed.servers import Bridge
from tests.bridge.application import QUEUE
from tests.patience import BRIDGE, PATIENCE

FLAG = "enable_crossover"
REGISTRY = """
tenants:
  acme: {task_queues: ["*"], workflow_types: ["*"]}
  beta: {task_queues: ["*"], workflow_types: ["*"]}
  few: {task_queues: ["*"], workflow_types: ["*"], quotas: {running_runs: 2}}
  slow: {task_queues: ["*"], workflow_types: ["*"], quotas: {starts_per_second: 0.002, start_burst: 2}}
"""
LEGACY: dict[str, Any] = {"flags": {FLAG: {}}}
CROSSOVER: dict[str, Any] = {"flags": {FLAG: {"rollout": [{"crossover": 100}]}}}
SHADOW: dict[str, Any] = {"flags": {FLAG: {"rollout": [{"shadow": 100}]}}}

Json = dict[str, Any]
_numbers = itertools.count()


def new_node() -> Json:
    """A node of an Argo workflow of its own."""
    name = f"decided-{next(_numbers)}"
    return {"namespace": "argo", "workflow": name, "uid": str(uuid.uuid4()), "node_name": f"{name}.extract"}


def run_of(node: Json, tenant: str = "acme") -> str:
    return run_id(tenant, ArgoNode(**node), Scope.NODE)


def start_of(node: Json, decision: Json | None = None, workflow_type: str = "Echo", **more: Any) -> Json:
    body = {"workflow_type": workflow_type, "task_queue": QUEUE, "input": {}, "argo": node, **more}
    return body if decision is None else {**body, "decision": decision}


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():
            await asyncio.sleep(0.02)


@dataclass
class Installation:
    """`clients`: for each tenant, and `operator` (of the platform), one client a replica."""

    redis: RedisServer
    replicas: list[Bridge]
    tokens: dict[str, str]
    home: Path
    clients: dict[tuple[str, int], httpx.AsyncClient] = field(default_factory=dict)

    def as_(self, who: str = "acme", replica: int = 0) -> httpx.AsyncClient:
        if (who, replica) not in self.clients:
            self.clients[who, replica] = httpx.AsyncClient(
                base_url=self.replicas[replica].url,
                headers={"Authorization": f"Bearer {self.tokens[who]}"},
                timeout=2 * PATIENCE,
                limits=httpx.Limits(max_connections=None),
                trust_env=False,
            )
        return self.clients[who, replica]

    async def flags(self, document: Json) -> int:
        """Puts the document in force on all replicas; its version."""
        body = {"document": document, "reason": "the next test"}

        async def put() -> bool:
            reply = await self.as_("operator").put("/v1/flags", json=body, headers={"If-Match": "*"})
            assert reply.status_code in (200, 503), reply.text
            return reply.status_code == 200  # Redis may be slow once for a bridge in a hurry

        await until(put)
        version = int((await self.flag_store())["version"])

        async def everywhere() -> bool:
            stores = [await self.flag_store(each) for each in range(len(self.replicas))]
            return all(store["version"] >= version for store in stores)

        await until(everywhere)
        return version

    async def flag_store(self, replica: int = 0) -> Json:
        found: Json = (await self.as_("operator", replica).get("/v1/flag-store")).json()
        return found

    async def decide(self, node: Json, replica: int = 0, who: str = "acme", **more: Any) -> Json:
        reply = await self.as_(who, replica).post("/v1/decisions", json={"argo": node, **more})
        assert reply.status_code == 200, reply.text
        decision: Json = reply.json()
        return decision

    async def crossing(self, replica: int = 0) -> tuple[Json, Json]:
        """A node that was decided crossover, and its decision. A bridge in a hurry, whose Temporal does not
        answer in time, decides another one legacy: that one is left alone."""
        async with asyncio.timeout(PATIENCE):
            while True:
                decision = await self.decide(node := new_node(), replica)
                if decision["variant"] == "crossover":
                    return node, decision

    async def start(self, body: Json, replica: int = 0, who: str = "acme") -> httpx.Response:
        return await self.as_(who, replica).post("/v1/runs", json=body)

    async def started(self, node: Json, replica: int = 0, **more: Any) -> Json:
        """Decides, and starts what was decided; the run's view."""
        decision = await self.decide(node, replica)
        reply = await self.start(start_of(node, decision, **more), replica)
        assert reply.status_code == 201, reply.text
        view: Json = reply.json()
        return view

    async def restart(self) -> None:
        """All replicas are killed, and come back without any memory but the flags' last copy."""
        for replica in self.replicas:
            await replica.kill()
        await asyncio.gather(*(replica.start() for replica in self.replicas))

    async def wiped(self) -> None:
        """Redis loses everything, and an operator says that the flags of the replicas are right."""
        await self.redis.command("FLUSHALL")
        await self._until_flags_are("refused")
        await self.mended()

    async def mended(self) -> None:
        """Redis answers again, and an operator says that the flags of the replicas are right."""

        async def known() -> bool:
            return bool((await self.flag_store())["state"] != "stale")

        await until(known)
        if (await self.flag_store())["state"] == "refused":
            body = {"side": "replica", "reason": "Redis came back with something else"}
            reply = await self.as_("operator").post("/v1/flag-store/restore", json=body)
            assert reply.status_code == 200, reply.text
        await self._until_flags_are("fresh")

    async def _until_flags_are(self, state: str) -> None:
        async def so() -> bool:
            return all(
                [(await self.flag_store(each))["state"] == state for each in range(len(self.replicas))]
            )

        await until(so)


@asynccontextmanager
async def installed(
    temporal: str, home: Path, replicas: int = 1, limits: Mapping[str, Any] = BRIDGE
) -> AsyncGenerator[Installation, None]:
    """`limits`: how long the bridges wait for Redis and Temporal; their settings, none for their defaults."""
    tokens = _tokens(home / "tokens.json")
    (home / "registry.yaml").write_text(REGISTRY)
    (home / "redis").mkdir()
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(RedisServer(options=("--dir", str(home / "redis"))))
        bridges = [_bridge(temporal, home, redis, number, limits) for number in range(replicas)]
        await asyncio.gather(*(stack.enter_async_context(bridge) for bridge in bridges))
        made = Installation(redis, bridges, tokens, home)
        try:
            await made.flags(LEGACY)
            yield made
        finally:
            await asyncio.gather(*(client.aclose() for client in made.clients.values()))


def _bridge(temporal: str, home: Path, redis: RedisServer, number: int, limits: Mapping[str, Any]) -> Bridge:
    return Bridge(
        temporal,
        home / f"bridge-{number}.log",
        auth="tokens",
        tokens_file=home / "tokens.json",
        registry_file=home / "registry.yaml",
        redis_url=redis.url,
        state_dir=home / f"state-{number}",
        **limits,
    )


def _tokens(path: Path) -> dict[str, str]:
    made = {who: new_token(f"{who}-steps", who, Role.OPERATOR) for who in ("acme", "beta", "few", "slow")}
    made["operator"] = new_token("olga", "beta", Role.VIEWER)
    made["viewer"] = new_token("vera", "acme", Role.VIEWER)
    entries = [
        {**entry, **({"platform": "operator"} if who == "operator" else {})}
        for who, (_, entry) in made.items()
    ]
    path.write_text(json.dumps(entries))
    return {who: token for who, (token, _) in made.items()}
