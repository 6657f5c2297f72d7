"""Two tenants on one installation: a bridge, a log streamer, Redis, and a cluster to read pods' logs from."""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.fernet import Fernet

from crossover.identity import Role, new_token
from testbed.pod_logs import PodLogServer
from testbed.redis import RedisServer
from testbed.servers import Bridge, LogStreamer, Service, TemporalServer
from tests.patience import BRIDGE

TENANTS = ("acme", "beta")
REGISTRY = {"tenants": {name: {"task_queues": ["*"], "workflow_types": ["*"]} for name in TENANTS}}


def namespaces(tenant: str) -> dict[str, Any]:
    return {
        "argo_namespaces": [f"{tenant}-argo"],
        "worker_namespaces": [f"{tenant}-workers"],
        "worker_selector": "app=worker",
    }


@dataclass
class Scene:
    """Callers: `acme` and `beta`, each an administrator of its tenant, and `root`, who is one of all.

    Args:
        secrets: by name, what must never be seen outside of the files that hold it.
    """

    bridge: Bridge
    streamer: LogStreamer
    cluster: PodLogServer
    tokens: dict[str, str]
    secrets: dict[str, str]

    @property
    def services(self) -> dict[str, Service]:
        return {"bridge": self.bridge, "log streamer": self.streamer}

    async def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        """The bridge, or the log streamer for paths that are its own."""
        service = self.streamer if path.startswith("/v1/logs") else self.bridge
        headers = {"authorization": f"Bearer {self.tokens[who]}", **more.pop("headers", {})}
        return await service.http.request(method, path, headers=headers, **more)

    def spilt(self, text: str) -> list[str]:
        """Names of the secrets that the text holds."""
        return sorted(name for name, secret in self.secrets.items() if secret in text)

    def logs(self) -> str:
        return "".join(service.log.read_text() for service in self.services.values())


@asynccontextmanager
async def opened(temporal: TemporalServer, home: Path, **both: Any) -> AsyncGenerator[Scene, None]:
    """`both`: further settings of both services."""
    password = secrets.token_urlsafe(24)
    tokens, planted = _tokens(home), _planted(home, password)
    (home / "registry.yaml").write_text(yaml.safe_dump(REGISTRY))
    tenants = {name: namespaces(name) for name in TENANTS}
    (home / "tenants.yaml").write_text(yaml.safe_dump({"tenants": tenants}))
    async with (
        RedisServer(options=("--requirepass", password)) as redis,
        PodLogServer.started(home / "cluster.log") as cluster,
    ):
        await cluster.rights([planted["cluster"], planted["argo"]])
        shared: dict[str, Any] = {
            "auth": "tokens",
            "tokens_file": home / "tokens.json",
            "session_key_file": home / "session",
            "redis_url": redis.url,
            "redis_password_file": home / "redis",
            **both,
        }
        async with (
            Bridge(temporal.address, home / "bridge.log", **shared, **_bridge(home, cluster)) as bridge,
            LogStreamer(home / "streamer.log", **shared, **_streamer(home, cluster, bridge)) as streamer,
        ):
            yield Scene(bridge, streamer, cluster, tokens, {**planted, **tokens})


def _tokens(home: Path) -> dict[str, str]:
    made = {name: new_token(f"{name}-admin", name, Role.ADMIN) for name in TENANTS}
    everywhere = dict.fromkeys(TENANTS, Role.ADMIN)
    made["root"] = new_token("root", "acme", Role.ADMIN, others=everywhere, platform=Role.ADMIN)
    (home / "tokens.json").write_text(json.dumps([entry for _, entry in made.values()]))
    return {name: token for name, (token, _) in made.items()}


def _planted(home: Path, password: str) -> dict[str, str]:
    planted = {
        "session": Fernet.generate_key().decode(),
        "redis": password,
        "cluster": secrets.token_urlsafe(24),
        "argo": secrets.token_urlsafe(24),
    }
    for name, secret in planted.items():
        (home / name).write_text(secret)
        (home / name).chmod(0o600)
    return planted


def _bridge(home: Path, cluster: PodLogServer) -> dict[str, Any]:
    return {
        "registry_file": home / "registry.yaml",
        "state_dir": home / "state",
        "argo_kubernetes_url": cluster.url,
        "argo_token_file": home / "argo",
        **BRIDGE,
    }


def _streamer(home: Path, cluster: PodLogServer, bridge: Bridge) -> dict[str, Any]:
    return {
        "tenants_file": home / "tenants.yaml",
        "kubernetes": cluster.url,
        "kubernetes_token_file": home / "cluster",
        "bridge_url": bridge.url,
        "drain": 0.2,
        "linger": 0.2,
        "recheck": 0.3,
    }
