"""Both services with all ways in: tokens of our own, a Kubernetes API server, and two issuers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml
from cryptography.fernet import Fernet

from crossover.identity import Role, new_token
from testbed.servers import Bridge, LogStreamer, Service, TemporalServer
from tests.crossover.identity.api_server import OWN_TOKEN, ApiServer
from tests.crossover.identity.issuer import AUDIENCE, OidcIssuer
from tests.security.scene import REGISTRY, namespaces

TRACE = "a-trace"
RECHECK = 0.3


@dataclass
class Gate:
    """`rotating`: an issuer whose keys nobody has asked for yet."""

    home: Path
    bridge: Bridge
    streamer: LogStreamer
    api_server: ApiServer
    issuer: OidcIssuer
    rotating: OidcIssuer
    static: str
    entries: list[dict[str, Any]]

    @property
    def services(self) -> tuple[Service, Service]:
        return self.bridge, self.streamer

    def write_tokens(self, entries: list[dict[str, Any]]) -> None:
        (self.home / "tokens.json").write_text(json.dumps(entries))

    def bind(self, *groups: str) -> None:
        """Which groups of the issuers have a role."""
        (self.home / "identity.yaml").write_text(
            yaml.safe_dump(_identity((self.issuer, self.rotating), groups))
        )

    def log(self) -> str:
        return "".join(service.log.read_text() for service in self.services)

    async def whoami(self, service: Service, token: str | bytes) -> httpx.Response:
        given = token.encode("latin-1") if isinstance(token, str) else token
        return await service.http.get("/v1/session", headers={b"authorization": b"Bearer " + given})


@asynccontextmanager
async def opened(temporal: TemporalServer, home: Path) -> AsyncGenerator[Gate, None]:
    static, entry = new_token("ci", "acme", Role.OPERATOR, platform=Role.VIEWER)
    own = ApiServer()
    issuers = OidcIssuer(), OidcIssuer()
    async with AsyncExitStack() as stack:
        for server in (own, *issuers):
            await server.start()
            stack.push_async_callback(server.stop)
        shared = _files(home, own)
        (home / "identity.yaml").write_text(yaml.safe_dump(_identity(issuers, ("team-a",))))
        (home / "tokens.json").write_text(json.dumps([entry]))
        bridge = Bridge(temporal.address, home / "bridge.log", registry_file=home / "registry.yaml", **shared)
        streamer = LogStreamer(
            home / "streamer.log",
            tenants_file=home / "tenants.yaml",
            local_runs=home / "runs",
            linger=0.2,
            **shared,
        )
        for service in (bridge, streamer):
            await stack.enter_async_context(service)
        yield Gate(home, bridge, streamer, own, *issuers, static, [entry])


def _files(home: Path, api_server: ApiServer) -> dict[str, Any]:
    (home / "own").write_text(OWN_TOKEN)
    (home / "key").write_bytes(Fernet.generate_key())
    (home / "registry.yaml").write_text(yaml.safe_dump(REGISTRY))
    (home / "tenants.yaml").write_text(yaml.safe_dump({"tenants": {"acme": namespaces("acme")}}))
    _running(home / "runs" / TRACE)
    return {
        "auth": "tokens,kubernetes,oidc",
        "tokens_file": home / "tokens.json",
        "identity_file": home / "identity.yaml",
        "kubernetes_api": api_server.url,
        "kubernetes_api_token_file": home / "own",
        "session_key_file": home / "key",
        "recheck": RECHECK,
    }


def _identity(issuers: tuple[OidcIssuer, ...], groups: tuple[str, ...]) -> dict[str, Any]:
    bindings = [{"group": group, "tenant": "acme", "role": "operator"} for group in groups]
    return {
        "kubernetes": {"service_accounts": [{"namespace": "argo", "tenant": "acme", "role": "operator"}]},
        "oidc": [
            {"issuer": each.url, "audience": AUDIENCE, "name_claim": "email", "bindings": bindings}
            for each in issuers
        ],
    }


def _running(folder: Path) -> None:
    """A workflow of the local runner that goes on for ever."""
    folder.mkdir(parents=True)
    metadata = {"name": folder.name, "namespace": "acme-argo", "uid": "u"}
    status = {"phase": "Running", "startedAt": "2026-11-21T00:00:00Z", "nodes": {}}
    (folder / "workflow.json").write_text(json.dumps({"metadata": metadata, "status": status}))
