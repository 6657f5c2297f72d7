"""Every error is one sentence that says what to do, and an exit code of the error table."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from testbed.ports import free_port
from tests.cli_flags.conftest import FLAG, Commands, Scene
from tests.patience import PATIENCE


async def test_whoever_names_no_token_is_told_how(olga: Commands) -> None:
    ended = await replace(olga, token_file=None).flags("get")
    assert (ended.code, ended.out) == (77, "")
    assert "CROSSOVER_TOKEN_FILE" in ended.err


async def test_whoever_may_only_look_is_told_which_role_it_takes(olga: Commands, scene: Scene) -> None:
    rita = scene.as_("rita")
    assert (await rita.flags("get")).code == 0
    ended = await rita.flags("kill", "-m", "on fire")
    assert (ended.code, ended.out) == (77, "")
    assert "platform role operator" in ended.err
    assert "KILL" not in (await olga.done("status")).out


async def test_a_token_file_that_holds_none_is_named(olga: Commands, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("two words")
    ended = await replace(olga, token_file=tmp_path / "token").flags("get")
    assert ended.code == 75
    assert "token" in ended.err
    assert "two words" not in ended.err


async def test_a_bridge_that_is_not_there_is_said_with_what_was_done(olga: Commands) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ended = await replace(olga, url=url).flags("kill", "-m", "on fire")
    assert (ended.code, ended.out) == (75, "")
    assert url in ended.err
    assert "Nothing was changed" in ended.err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("allow", FLAG, "Not A Tenant"), "a tenant is lower-case letters"),
        (("rollout", FLAG, "--crossover", "130"), "100"),
        (("rollout", FLAG, "--crossover", "half"), "write a percentage"),
        (("rollout", FLAG, "--crossover", "70", "--shadow", "40"), "more than 100 percent"),
        (("rollout", FLAG, "--crossover", "5", "--when", "tenant=acme"), "app=billing"),
        (("kill", "nothing_like_it"), "there is no flag nothing_like_it"),
        (("kill", "Bad/../name"), "lower-case"),
        (("pause", FLAG), "no rollout"),
        (("plan", FLAG, "--steps", "5:soon"), "duration"),
        (("revert", "0"), "greater than or equal to 1"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(
    olga: Commands, words: tuple[str, ...], says: str
) -> None:
    ended = await olga.flags(*words, "-m", "try it")
    assert (ended.code, ended.out) == (2, "")
    assert says in " ".join(ended.err.split())
    assert "Traceback" not in ended.err


async def test_a_version_that_is_not_kept_is_said(olga: Commands) -> None:
    ended = await olga.flags("diff", "999999")
    assert (ended.code, ended.out) == (1, "")
    assert "no version 999999" in ended.err


async def test_whoever_stops_reading_stops_the_command_quietly(olga: Commands) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        process = await olga.start("flags", "history", stdout=theirs)
    finally:
        os.close(theirs)
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert (process.returncode, err) == (0, b"")
