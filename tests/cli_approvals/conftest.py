"""A bridge with one tenant, and the command line in the name of several people."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crossover.identity import Role, new_token
from testbed.servers import Bridge, TemporalServer
from tests.argo.approvals.scene import node
from tests.cli_flags.conftest import Commands, Ended

_PEOPLE = {"steps": Role.OPERATOR, "alice": Role.APPROVER, "vera": Role.VIEWER}


@dataclass(frozen=True)
class Person(Commands):
    """`crossover approvals …`."""

    async def approvals(self, *words: str) -> Ended:
        return await self.run("approvals", *words)

    async def asked(self, title: str = "Delete 312 stale tables", **options: str) -> dict[str, Any]:
        """What `request --json` says of a new approval, whose caller waits by itself."""
        given = {**argo_options(), **{key.replace("_", "-"): value for key, value in options.items()}}
        words = [word for key, value in given.items() for word in (f"--{key}", value)]
        ended = await self.approvals("request", "--title", title, *words, "--no-suspend-node", "--json")
        assert ended.code == 0, ended
        found: dict[str, Any] = ended.json
        return found


def argo_options() -> dict[str, str]:
    """A node of a workflow of its own."""
    own = node()
    return {
        "argo-namespace": own["namespace"],
        "argo-workflow": own["workflow"],
        "argo-uid": own["uid"],
        "argo-node": own["node_name"],
    }


@dataclass(frozen=True)
class People:
    bridge: Bridge
    tokens: Path

    def __getattr__(self, who: str) -> Person:
        return Person(self.bridge.url, self.tokens / who)


@pytest.fixture(scope="package")
async def people(
    temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[People, None]:
    home = tmp_path_factory.mktemp("cli_approvals")
    entries = []
    for who, role in _PEOPLE.items():
        token, entry = new_token(who, "acme", role)
        (home / who).write_text(token)
        entries.append(entry)
    (home / "tokens.json").write_text(json.dumps(entries))
    tenants = {"acme": {"task_queues": ["*"], "workflow_types": ["*"]}}
    (home / "registry.yaml").write_text(json.dumps({"tenants": tenants}))
    async with Bridge(
        temporal.address,
        home / "bridge.log",
        auth="tokens",
        tokens_file=home / "tokens.json",
        registry_file=home / "registry.yaml",
    ) as bridge:
        yield People(bridge, home)
