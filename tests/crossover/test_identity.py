"""Identity: tokens from a file, tenants from identity, one answer for what one may not know."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from crossover.errors import Forbidden, NotFound, Unauthenticated
from crossover.identity import (
    Action,
    Anyone,
    Principal,
    Resource,
    Role,
    StaticTokens,
    authorise,
    hash_token,
    new_token,
)

RUN = "crossover/acme/argo/u/n-1"


def principal(tenant: str = "acme", role: Role = Role.OPERATOR) -> Principal:
    return Principal("someone", tenant, role)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_may_do_all_that_a_lower_one_may(role: Role, action: Action) -> None:
    lowest = {
        Action.READ: Role.VIEWER,
        Action.READ_LOGS: Role.VIEWER,
        Action.START: Role.OPERATOR,
        Action.CONTROL: Role.OPERATOR,
    }[action]
    if role >= lowest:
        authorise(principal(role=role), action, Resource("acme", RUN))
    else:
        with pytest.raises(Forbidden, match="operator"):
            authorise(principal(role=role), action, Resource("acme", RUN))


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_another_tenants_run_does_not_exist(action: Action, role: Role) -> None:
    with pytest.raises(NotFound):
        authorise(principal("acm", role), action, Resource.of_run(RUN))


def test_a_foreign_run_and_a_missing_run_read_alike() -> None:
    with pytest.raises(NotFound) as foreign:
        authorise(principal("other"), Action.READ, Resource.of_run(RUN))
    with pytest.raises(NotFound) as missing:
        Resource.of_run("crossover")
    assert foreign.value.detail.replace(RUN, "X") == missing.value.detail.replace("crossover'", "X'")


def tokens_file(path: Path, *entries: dict[str, str]) -> Path:
    path.write_text(json.dumps(entries))
    return path


async def test_a_new_token_is_admitted_by_its_entry(tmp_path: Path) -> None:
    token, entry = new_token("ci", "acme", Role.VIEWER)
    tokens = StaticTokens(tokens_file(tmp_path / "t.json", entry))
    assert await tokens.authenticate(token) == Principal("ci", "acme", Role.VIEWER)
    assert token not in (tmp_path / "t.json").read_text()


@pytest.mark.parametrize("token", [None, "", "x", "Bearer", hash_token("x")])
async def test_an_unknown_token_is_refused(tmp_path: Path, token: str | None) -> None:
    _, entry = new_token("ci", "acme", Role.VIEWER)
    tokens = StaticTokens(tokens_file(tmp_path / "t.json", entry))
    with pytest.raises(Unauthenticated):
        await tokens.authenticate(token)


async def test_the_hash_itself_is_no_token(tmp_path: Path) -> None:
    _, entry = new_token("ci", "acme", Role.VIEWER)
    tokens = StaticTokens(tokens_file(tmp_path / "t.json", entry))
    with pytest.raises(Unauthenticated):
        await tokens.authenticate(entry["sha256"])


async def test_tokens_rotate_without_a_restart_and_a_broken_file_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    old, old_entry = new_token("ci", "acme", Role.VIEWER)
    new, new_entry = new_token("ci", "acme", Role.ADMIN)
    tokens = StaticTokens(tokens_file(path, old_entry))
    path.write_text("{ broken")
    os.utime(path, ns=(1, 1))
    assert (await tokens.authenticate(old)).role is Role.VIEWER
    tokens_file(path, new_entry)
    os.utime(path, ns=(2, 2))
    assert (await tokens.authenticate(new)).role is Role.ADMIN
    with pytest.raises(Unauthenticated):
        await tokens.authenticate(old)


@pytest.mark.parametrize(
    "change",
    [{"role": "king"}, {"tenant": "Not A Label"}, {"sha256": "short"}],
    ids=["role", "tenant", "hash"],
)
def test_a_bad_entry_is_named(tmp_path: Path, change: dict[str, str]) -> None:
    _, entry = new_token("ci", "acme", Role.VIEWER)
    with pytest.raises(ValueError, match="ci"):
        StaticTokens(tokens_file(tmp_path / "t.json", {**entry, **change}))


async def test_without_authentication_everyone_is_the_local_administrator() -> None:
    local = Principal("local", "default", Role.ADMIN, platform=Role.ADMIN)
    assert await Anyone("default").authenticate(None) == local
