"""A bridge with Redis and three tenants, and the command line in the name of several people."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crossover.identity import Role, new_token
from testbed.redis import RedisServer
from testbed.servers import Bridge, TemporalServer
from tests.patience import BRIDGE, PATIENCE

FLAG = "enable_crossover"
_TENANTS = ("acme", "beta", "gamma")


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Commands:
    """`crossover …` as one person, in an environment that is the same everywhere."""

    url: str
    token_file: Path | None

    @property
    def environment(self) -> dict[str, str]:
        env = {"PATH": os.environ["PATH"], "CROSSOVER_URL": self.url, "COLUMNS": "120"}
        return {**env, **({"CROSSOVER_TOKEN_FILE": str(self.token_file)} if self.token_file else {})}

    async def start(
        self, *words: str, stdin: int | None = None, stdout: int | None = None
    ) -> asyncio.subprocess.Process:
        """`stdin` and `stdout`: descriptors; by default nothing and a pipe."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "crossover.cli", *words),
            env=self.environment,
            stdin=asyncio.subprocess.DEVNULL if stdin is None else stdin,
            stdout=asyncio.subprocess.PIPE if stdout is None else stdout,
            stderr=asyncio.subprocess.PIPE,
        )

    async def run(self, *words: str, stdin: str | None = None) -> Ended:
        process = await self.start(*words, stdin=None if stdin is None else asyncio.subprocess.PIPE)
        given = None if stdin is None else stdin.encode()
        out, err = await asyncio.wait_for(process.communicate(given), PATIENCE)
        assert process.returncode is not None
        return Ended(process.returncode, out.decode(), err.decode())

    async def flags(self, *words: str, stdin: str | None = None) -> Ended:
        return await self.run("flags", *words, stdin=stdin)

    async def done(self, *words: str, stdin: str | None = None) -> Ended:
        """A command of `crossover flags` that must succeed."""
        ended = await self.flags(*words, stdin=stdin)
        assert ended.code == 0, ended
        return ended


@dataclass(frozen=True)
class Scene:
    bridge: Bridge
    redis: RedisServer
    tokens: Path

    def as_(self, who: str | None) -> Commands:
        return Commands(self.bridge.url, self.tokens / who if who else None)


_PEOPLE = {
    "olga": ("beta", Role.VIEWER, "operator"),
    "otto": ("beta", Role.VIEWER, "operator"),
    "rita": ("beta", Role.VIEWER, "viewer"),
    "amal": ("acme", Role.OPERATOR, None),
}


@pytest.fixture(scope="package")
async def scene(
    temporal: TemporalServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Scene, None]:
    async with _started(temporal, tmp_path_factory.mktemp("cli_flags")) as scene:
        yield scene


@pytest.fixture
async def own_scene(temporal: TemporalServer, tmp_path: Path) -> AsyncGenerator[Scene, None]:
    """For a test that breaks its Redis."""
    async with _started(temporal, tmp_path) as scene:
        yield scene


@asynccontextmanager
async def _started(temporal: TemporalServer, home: Path) -> AsyncGenerator[Scene, None]:
    _write_tokens(home)
    tenants = {name: {"task_queues": ["*"], "workflow_types": ["*"]} for name in _TENANTS}
    (home / "registry.yaml").write_text(json.dumps({"tenants": tenants}))
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
        scene = Scene(bridge, redis, home)
        # As on the day of the installation: there is no version yet that this could be made against.
        first = await scene.as_("olga").done("set", FLAG, "-m", "the first flag", stdin="{}")
        assert first.out.startswith("✔ version 1")
        yield scene


def _write_tokens(home: Path) -> None:
    entries = []
    for who, (tenant, role, platform) in _PEOPLE.items():
        token, entry = new_token(who, tenant, role)
        (home / who).write_text(token)
        entries.append({**entry, **({"platform": platform} if platform else {})})
    (home / "tokens.json").write_text(json.dumps(entries))


@pytest.fixture
async def olga(scene: Scene) -> Commands:
    """A platform operator, where one flag says legacy to everyone."""
    commands = scene.as_("olga")
    empty = json.dumps({"schema": 1, "flags": {FLAG: {}}})
    await commands.done("apply", "-", "-m", "the next test", "--yes", stdin=empty)
    return commands
