"""Documents from files: for pipelines, editors and flagd."""

from __future__ import annotations

import asyncio
import json
import os
import pty
from pathlib import Path

import pytest

from tests.cli_flags.conftest import FLAG, Commands, Scene
from tests.patience import PATIENCE

FIVE = "description: five percent\nrollout: [{crossover: 100}]\n"


async def version(commands: Commands) -> int:
    found: int = (await commands.done("status", "--json")).json["store"]["version"]
    return found


async def test_a_flag_is_set_from_standard_input_or_a_file(olga: Commands, tmp_path: Path) -> None:
    (tmp_path / "flag.json").write_text('{"rollout": [{"shadow": 100}]}')
    assert "legacy → crossover" in (await olga.done("set", FLAG, "-m", "set it", stdin=FIVE)).out
    again = await olga.done("set", FLAG, "--file", str(tmp_path / "flag.json"), "-m", "set it again")
    assert "crossover → shadow" in again.out


async def test_a_flag_that_is_not_there_is_created_by_setting_it(olga: Commands) -> None:
    created = await olga.done("set", "another_flag", "-m", "a second flag", stdin="{}")
    assert "set by olga" in created.out
    assert "another_flag" in (await olga.done("get")).out


async def test_applying_what_is_there_does_nothing(olga: Commands) -> None:
    exported = (await olga.done("export")).out
    before = await version(olga)
    ended = await olga.done("apply", "-", "-m", "pipeline", stdin=exported)
    assert "Nothing to do" in ended.out
    assert await version(olga) == before


async def test_a_dry_run_tells_pipelines_by_its_exit_code(olga: Commands) -> None:
    wanted = json.dumps({"flags": {FLAG: {"rollout": [{"crossover": 100}]}}})
    tried = await olga.flags("apply", "-", "-m", "pipeline", "--dry-run", stdin=wanted)
    assert tried.code == 3
    assert "+    - crossover: 100.0" in tried.out
    assert "3 known tenants would go another way" in tried.out
    assert (await olga.flags("apply", "-", "-m", "pipeline", "--yes", stdin=wanted)).code == 0
    assert (await olga.flags("apply", "-", "-m", "pipeline", "--dry-run", stdin=wanted)).code == 0


async def test_without_anybody_to_ask_nothing_is_applied(olga: Commands) -> None:
    before = await version(olga)
    ended = await olga.flags("apply", "-", "-m", "pipeline", stdin='{"flags": {}}')
    assert ended.code == 2
    assert "--yes" in ended.err
    assert await version(olga) == before


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 1)])
async def test_a_person_is_asked(olga: Commands, tmp_path: Path, answer: str, code: int) -> None:
    (tmp_path / "flags.yaml").write_text(f"flags: {{{FLAG}: {{kill: true}}}}")
    before = await version(olga)
    ours, theirs = pty.openpty()
    try:
        process = await olga.start("flags", "apply", f"{tmp_path}/flags.yaml", "-m", "why", stdin=theirs)
        os.write(ours, f"{answer}\n".encode())
        _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == code
    assert b"Make this change?" in err
    assert await version(olga) == before + (answer == "y")


async def test_a_pipeline_leaves_a_running_plan_where_it_stands(olga: Commands) -> None:
    wanted = json.dumps({"flags": {FLAG: {"rollout": [{"plan": {"steps": [{"crossover": 100}]}}]}}})
    await olga.done("apply", "-", "-m", "pipeline", "--yes", stdin=wanted)
    async with asyncio.timeout(PATIENCE):
        while (await olga.done("get", FLAG, "--json")).json["rollout"][0].get("crossover") != 100:
            pass
    before = await version(olga)
    assert "Nothing to do" in (await olga.done("apply", "-", "-m", "pipeline", "--yes", stdin=wanted)).out
    assert await version(olga) == before


async def test_a_change_meanwhile_is_told_with_who_and_why(olga: Commands, scene: Scene) -> None:
    seen = await version(olga)
    await scene.as_("otto").done("kill", FLAG, "-m", "Hive is on fire")
    late = await olga.flags("set", FLAG, "--expect", str(seen), "-m", "five percent", stdin=FIVE)
    assert (late.code, late.out) == (2, "")
    assert "otto" in late.err
    assert "Hive is on fire" in late.err
    assert f"diff {seen}" in late.err
    assert (await olga.done("get", FLAG, "--json")).json == {"kill": True}


async def test_a_change_while_a_person_thinks_is_not_overwritten(
    olga: Commands, scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "flags.yaml").write_text(f"flags: {{{FLAG}: {{rollout: [{{crossover: 100}}]}}}}")
    ours, theirs = pty.openpty()
    try:
        process = await olga.start("flags", "apply", f"{tmp_path}/flags.yaml", "-m", "why", stdin=theirs)
        assert process.stderr is not None
        asked = await asyncio.wait_for(process.stderr.readuntil(b"?"), PATIENCE)
        assert b"Make this change?" in asked
        await scene.as_("otto").done("deny", FLAG, "gamma", "-m", "frozen by contract")
        os.write(ours, b"y\n")
        _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == 2
    assert b"frozen by contract" in err
    assert (await olga.done("get", FLAG, "--json")).json == {"deny": [{"tenants": ["gamma"]}]}


async def test_a_mistake_in_a_file_is_told_with_its_place(olga: Commands) -> None:
    ended = await olga.flags("apply", "-", "-m", "oops", "--yes", stdin="flags:\n  x: {percentage: 5}\n")
    assert (ended.code, ended.out) == (2, "")
    assert "standard input: flags.x.percentage" in ended.err


async def test_flags_go_to_flagd_and_come_back(olga: Commands) -> None:
    await olga.done("set", FLAG, "-m", "all in", stdin=FIVE)
    before = (await olga.done("get", "--json")).json
    exported = (await olga.done("export", "--format", "flagd")).out
    await olga.done("kill", FLAG, "-m", "on fire")
    imported = await olga.done("import", "-", "--yes", "-m", "from flagd", stdin=exported)
    assert "import by olga" in imported.out
    assert (await olga.done("get", "--json")).json == before
