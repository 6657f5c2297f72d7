"""`crossover flags` against the bridge of the release, whose flags are in Redis."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from testbed.servers import BIN
from tests.cluster.release import Release
from tests.cluster.site import run, until

FLAG = "enable_crossover"


class Flags:
    """The commands, as an operator of the platform has them."""

    def __init__(self, release: Release, url: str, tokens: dict[str, Path]) -> None:
        self._release = release
        self._url = url
        self._tokens = tokens

    async def flags(self, *words: str, said: str = "") -> str:
        called = ["--url", self._url, "--token-file", str(self._tokens["platform"])]
        return await run(BIN / "crossover", "flags", *words, *called, said=said)

    async def decides(self, folder: Path) -> str:
        """Which way a new node of tenant acme goes, as its step would ask."""
        name = uuid.uuid4().hex[:8]
        argo = {"namespace": self._release.argo, "workflow": name, "uid": name, "node": f"{name}.extract"}
        words = [word for key, value in argo.items() for word in (f"--argo-{key}", value)]
        called = ["--url", self._url, "--token-file", str(self._tokens["step"])]
        outputs = folder / name
        await run(
            BIN / "crossover",
            "step",
            "decide",
            *called,
            *words,
            "--app",
            "count",
            "--outputs-dir",
            str(outputs),
        )
        decision = json.loads((outputs / "decision").read_text())
        assert not decision.get("note"), decision
        return (outputs / "variant").read_text()

    async def becomes(self, variant: str, folder: Path) -> None:
        async def is_so() -> bool:
            return await self.decides(folder) == variant

        await until(is_so)


@pytest.fixture
async def flags(release: Release, tmp_path: Path) -> Flags:
    tokens = {"platform": tmp_path / "platform", "step": tmp_path / "step"}
    tokens["platform"].write_text(await release.token("platform", release.argo))
    tokens["step"].write_text(await release.token("crossover-step", release.argo))
    flags = Flags(release, await release.url("bridge"), tokens)
    await flags.flags("set", FLAG, "-m", "a flag of tests", said="{}")
    return flags


async def test_an_allowed_tenant_goes_the_other_way_and_a_kill_switch_brings_it_back(
    flags: Flags, tmp_path: Path
) -> None:
    assert await flags.decides(tmp_path) == "legacy"
    await flags.flags("allow", FLAG, "acme", "-m", "pilot")
    await flags.becomes("crossover", tmp_path)
    await flags.flags("kill", "-m", "an incident")
    await flags.becomes("legacy", tmp_path)
    await flags.flags("revive", "-m", "over")
    await flags.becomes("crossover", tmp_path)


async def test_flags_outlive_the_bridge_in_redis(flags: Flags, release: Release, tmp_path: Path) -> None:
    await flags.flags("allow", FLAG, "acme", "-m", "pilot")
    await flags.becomes("crossover", tmp_path)
    await release.site.run_kubectl(
        "rollout", "restart", f"deployment/{release.name}-bridge", "-n", release.namespace
    )
    await until(lambda: _out(release))
    assert await flags.decides(tmp_path) == "crossover"


async def _out(release: Release) -> bool:
    await release.ready()
    return True
