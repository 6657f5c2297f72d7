"""`crossover token`: what it prints is what the services take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from crossover.cli.commands import app
from crossover.identity import Principal, Role, StaticTokens
from crossover.identity.sealer import Sealer


async def test_the_entry_that_it_prints_admits_the_token_with_all_its_roles(tmp_path: Path) -> None:
    options = "--tenant acme --role viewer --other beta=admin --other gamma=approver --platform operator"
    done = CliRunner().invoke(app, ["token", "new", "lead", *options.split()])
    shown, entry = (line.split(": ", 1)[1].strip() for line in done.stdout.splitlines())
    (tmp_path / "tokens.json").write_text(json.dumps([json.loads(entry)]))
    others = frozenset({("beta", Role.ADMIN), ("gamma", Role.APPROVER)})
    expected = Principal("lead", "acme", Role.VIEWER, others, Role.OPERATOR)
    assert await StaticTokens(tmp_path / "tokens.json").authenticate(shown) == expected


@pytest.mark.parametrize(
    "options",
    ["--tenant A", "--tenant a --role king", "--tenant a --other b", "--tenant a --other B=admin",
     "--tenant a --platform *", "--tenant *"],
)  # fmt: skip
def test_what_no_token_file_takes_is_not_printed(options: str) -> None:
    done = CliRunner().invoke(app, ["token", "new", "lead", *options.split()])
    assert done.exit_code != 0
    assert "sha256" not in done.output


def test_a_session_key_seals_for_its_purpose_only(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(CliRunner().invoke(app, ["token", "session-key"]).stdout)
    sealer = Sealer(tmp_path / "key")
    sealed = sealer.seal("one", {"a": 1})
    assert sealer.open("one", sealed, within=60) == {"a": 1}
    assert sealer.open("another", sealed, within=60) is None
