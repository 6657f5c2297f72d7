"""Identity: tokens from a file, tenants from identity, one answer for what one may not know."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from crossover.errors import Forbidden, NotFound, Unauthenticated
from crossover.identity import (
    FLAGS,
    PLATFORM,
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


def principal(tenant: str = "acme", role: Role = Role.OPERATOR, platform: Role | None = None) -> Principal:
    return Principal("someone", tenant, role, platform=platform)


def allowed(caller: Principal, action: Action, resource: Resource) -> bool:
    try:
        authorise(caller, action, resource)
    except Forbidden:
        return False
    return True


LOWEST = {
    Action.START: Role.OPERATOR,
    Action.READ: Role.VIEWER,
    Action.CONTROL: Role.OPERATOR,
    Action.READ_LOGS: Role.VIEWER,
    Action.EVALUATE: Role.VIEWER,
    Action.DECIDE: Role.OPERATOR,
    Action.READ_FLAGS: Role.VIEWER,
    Action.CHANGE_FLAGS: Role.OPERATOR,
    Action.READ_AUDIT: Role.VIEWER,
    Action.APPROVE: Role.APPROVER,
}
"""Written out once more: what a role may do is a promise, not whatever the code says."""


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_a_role_may_do_all_that_a_lower_one_may(role: Role, action: Action) -> None:
    assert allowed(principal(role=role), action, Resource("acme", RUN)) is (role >= LOWEST[action])


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("action", Action)
def test_over_the_platform_only_the_platform_role_counts(role: Role, action: Action) -> None:
    with pytest.raises(Forbidden, match="platform role"):
        authorise(principal(role=role), action, FLAGS)
    holder = principal(role=Role.VIEWER, platform=role)
    assert allowed(holder, action, FLAGS) is (role >= LOWEST[action])


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("role", Role)
def test_another_tenants_run_does_not_exist_whatever_the_platform_role(action: Action, role: Role) -> None:
    with pytest.raises(NotFound):
        authorise(principal("acm", role, platform=Role.ADMIN), action, Resource.of_run(RUN))


def test_each_tenant_has_a_role_of_its_own() -> None:
    caller = Principal("lead", "acme", Role.VIEWER, frozenset({("beta", Role.ADMIN)}))
    assert not allowed(caller, Action.CONTROL, Resource("acme"))
    assert allowed(caller, Action.CONTROL, Resource("beta"))


def test_a_caller_acts_in_any_of_its_tenants_and_in_no_other() -> None:
    caller = Principal("lead", "acme", Role.VIEWER, frozenset({("beta", Role.ADMIN)}))
    there = caller.within("beta")
    assert (there.tenant, there.role, there.role_in("acme")) == ("beta", Role.ADMIN, Role.VIEWER)
    assert there.within("acme").role is Role.VIEWER
    for tenant in ("gamma", PLATFORM):
        with pytest.raises(NotFound):
            caller.within(tenant)


def test_a_foreign_run_and_a_missing_run_read_alike() -> None:
    with pytest.raises(NotFound) as foreign:
        authorise(principal("other"), Action.READ, Resource.of_run(RUN))
    with pytest.raises(NotFound) as missing:
        Resource.of_run("crossover")
    assert foreign.value.detail.replace(RUN, "X") == missing.value.detail.replace("crossover'", "X'")


def tokens_file(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(json.dumps(entries))
    return path


async def test_a_new_token_is_admitted_by_its_entry(tmp_path: Path) -> None:
    token, entry = new_token("ci", "acme", Role.VIEWER)
    tokens = StaticTokens(tokens_file(tmp_path / "t.json", entry))
    assert await tokens.authenticate(token) == Principal("ci", "acme", Role.VIEWER)
    assert token not in (tmp_path / "t.json").read_text()


async def test_a_token_has_the_further_roles_of_its_entry(tmp_path: Path) -> None:
    token, entry = new_token(
        "lead", "acme", Role.VIEWER, others={"beta": Role.APPROVER}, platform=Role.OPERATOR
    )
    tokens = StaticTokens(tokens_file(tmp_path / "t.json", entry))
    further = frozenset({("beta", Role.APPROVER)})
    assert await tokens.authenticate(token) == Principal("lead", "acme", Role.VIEWER, further, Role.OPERATOR)


@pytest.mark.parametrize("token", [None, "", "x", "Bearer", hash_token("x"), "caf\udce9"])
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
    ("change", "words"),
    [
        ({"role": "king"}, "approver"),
        ({"role": None}, "approver"),
        ({"tenant": "Not A Label"}, "tenant"),
        ({"tenant": None}, "tenant"),
        ({"sha256": "short"}, "sha256"),
        ({"sha256": "Z" * 64}, "sha256"),
        ({"others": {"beta": "king"}}, "approver"),
        ({"others": {"*": "admin"}}, "tenant"),
        ({"others": ["beta"]}, "others"),
        ({"platform": "king"}, "approver"),
        ({"platfrom": "viewer"}, "platfrom"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_bad_entry_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    _, entry = new_token("ci", "acme", Role.VIEWER)
    with pytest.raises(ValueError, match=f"t.json: token 'ci': .*{words}"):
        StaticTokens(tokens_file(tmp_path / "t.json", {**entry, **change}))


async def test_without_authentication_everyone_is_the_local_administrator() -> None:
    local = Principal("local", "default", Role.ADMIN, platform=Role.ADMIN)
    assert await Anyone("default").authenticate(None) == local
