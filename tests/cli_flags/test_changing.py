"""Each change by a word says the new version and who goes another way by it."""

from __future__ import annotations

import asyncio

import pytest

from tests.cli_flags.conftest import FLAG, Commands, Scene
from tests.patience import PATIENCE


async def test_a_tenant_is_given_crossover_and_left_to_the_rollout_again(olga: Commands) -> None:
    allowed = await olga.done("allow", FLAG, "acme", "-m", "pilot")
    assert "by olga: pilot" in allowed.out
    assert "legacy → crossover  acme" in allowed.out
    cleared = await olga.done("clear", FLAG, "acme", "-m", "pilot over")
    assert "crossover → legacy  acme" in cleared.out


async def test_a_condition_narrows_a_change(olga: Commands) -> None:
    when = ("--when", "app=billing,app=sales")
    allowed = await olga.done("allow", FLAG, "acme", "--variant", "shadow", *when, "-m", "pilot")
    assert "legacy → shadow  acme where app is billing or sales" in allowed.out
    shown = await olga.done("get", FLAG)
    assert "acme where app is billing or sales" in shown.out


async def test_percentages_move_tenants_and_a_denied_one_stays(olga: Commands) -> None:
    await olga.done("deny", FLAG, "beta", "-m", "freeze")
    rolled = await olga.done("rollout", FLAG, "--crossover", "100%", "-m", "all in")
    assert "2 known tenants go another way" in rolled.out
    assert "acme, gamma" in rolled.out


async def test_a_rule_that_can_never_decide_is_warned_of(olga: Commands) -> None:
    await olga.done("deny", FLAG, "acme", "-m", "freeze")
    allowed = await olga.done("allow", FLAG, "acme", "-m", "and yet")
    assert "warning" in allowed.out
    assert f"flags.{FLAG}.allow[0]" in allowed.out


@pytest.mark.parametrize("flag", [(), (FLAG,)])
async def test_a_kill_switch_is_loud_and_is_seen_until_it_is_off(
    olga: Commands, flag: tuple[str, ...]
) -> None:
    await olga.done("rollout", FLAG, "--crossover", "100", "-m", "all in")
    killed = await olga.done("kill", *flag, "-m", "on fire")
    assert "KILLED" in killed.out
    assert "crossover → legacy  acme, beta, gamma" in killed.out
    for look in (["get"], ["status"], ["get", FLAG]):
        assert "ON" in (await olga.done(*look)).out.replace("kill switch on", "ON")
    revived = await olga.done("revive", *flag, "-m", "fire is out")
    assert "legacy → crossover  acme, beta, gamma" in revived.out


async def test_reviving_one_switch_tells_of_the_other(olga: Commands) -> None:
    await olga.done("kill", "-m", "on fire")
    await olga.done("kill", FLAG, "-m", "on fire here")
    assert "all flags is still on" in (await olga.done("revive", FLAG, "-m", "here it is out")).out
    await olga.done("kill", FLAG, "-m", "on fire again")
    assert f"still on: {FLAG}" in (await olga.done("revive", "-m", "out elsewhere")).out


async def test_a_dry_run_changes_nothing_and_a_repeated_change_is_none(olga: Commands) -> None:
    before = (await olga.done("status", "--json")).json["store"]["version"]
    tried = await olga.done("allow", FLAG, "acme", "-m", "what if", "--dry-run")
    assert "Dry run: nothing has changed." in tried.out
    assert "1 known tenant would go another way" in tried.out
    assert (await olga.done("status", "--json")).json["store"]["version"] == before
    await olga.done("allow", FLAG, "acme", "-m", "now")
    assert "Nothing to do" in (await olga.done("allow", FLAG, "acme", "-m", "again")).out


async def test_json_is_the_answer_and_nothing_else(olga: Commands) -> None:
    answer = (await olga.done("allow", FLAG, "acme", "-m", "pilot", "--json")).json
    assert answer["version"]["change"]["who"] == "olga"
    assert [effect["tenant"] for effect in answer["effects"]] == ["acme"]


async def test_a_change_without_a_reason_is_wrong_usage(olga: Commands) -> None:
    ended = await olga.flags("kill")
    assert (ended.code, ended.out) == (2, "")
    assert "--reason" in ended.err


async def test_a_plan_tells_its_first_step_and_is_held_and_ended(olga: Commands) -> None:
    gate = ("--max-failure-rate", "2%", "--max-duration-ratio", "1.5", "--min-outcomes", "5")
    begun = await olga.done("plan", FLAG, "--steps", "100:1h,0+100:30m", *gate, "-m", "staged")
    assert "legacy → crossover  acme, beta, gamma" in begun.out
    plan = (await olga.done("get", FLAG, "--json")).json["rollout"][0]["plan"]
    assert [(step.get("crossover"), step.get("shadow")) for step in plan["steps"]] == [
        (100.0, None),
        (None, 100.0),
    ]
    assert plan["gate"] == {"min_outcomes": 5, "max_failure_rate": 0.02, "max_duration_ratio": 1.5}
    await olga.done("pause", FLAG, "-m", "slow connector")
    assert "plan paused, step 1 of 2" in (await olga.done("status")).out
    await olga.done("resume", FLAG, "-m", "fast again")
    assert "gate" in (await olga.done("status")).out
    await olga.done("roll-back", FLAG, "-m", "customers complain")
    status = (await olga.done("status")).out
    assert "plan halted" in status
    assert "customers complain" in status
    await olga.done("stop", FLAG, "-m", "by hand now")
    assert "no plans" in (await olga.done("status")).out


async def test_a_plan_whose_gate_asks_nothing_is_remarked_upon(olga: Commands) -> None:
    begun = await olga.done("plan", FLAG, "--steps", "5:1h,100", "-m", "staged", "--dry-run")
    assert "gate asks nothing" in begun.err


async def test_an_earlier_version_comes_back(olga: Commands) -> None:
    number = (await olga.done("status", "--json")).json["store"]["version"]
    await olga.done("rollout", FLAG, "--crossover", "100", "-m", "all in")
    reverted = await olga.done("revert", str(number), "-m", "too early")
    assert "crossover → legacy  acme, beta, gamma" in reverted.out
    assert (await olga.done("get", FLAG, "--json")).json == {}


async def test_a_store_that_lost_everything_is_seen_and_restored(own_scene: Scene) -> None:
    olga = own_scene.as_("olga")
    await olga.done("allow", FLAG, "acme", "-m", "pilot")
    await own_scene.redis.command("FLUSHALL")
    async with asyncio.timeout(PATIENCE):
        while (lost := await olga.flags("status")).code == 0:
            pass
    assert lost.code == 1
    assert "refused" in lost.out
    refused = await olga.flags("kill", "-m", "on fire")
    assert refused.code == 2
    assert "restore" in refused.err
    restored = await olga.done("restore", "replica", "-m", "Redis was wiped")
    assert "fresh" in restored.out
    assert (await olga.done("get", FLAG, "--json")).json["allow"] == [{"tenants": ["acme"]}]
    verified = await olga.run("audit", "--verify")
    assert verified.code == 1, "what was written before is missing"
    assert "missing" in verified.out
