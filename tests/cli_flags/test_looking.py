"""What is in force, why, since when, and what was before."""

from __future__ import annotations

import asyncio
import json
import signal

from tests.cli_flags.conftest import FLAG, Commands, Scene
from tests.patience import PATIENCE


async def test_a_decision_is_explained_rule_by_rule(olga: Commands) -> None:
    await olga.done("allow", FLAG, "acme", "--when", "app=billing", "-m", "pilot")
    billing = await olga.done("explain", FLAG, "--tenant", "acme", "--app", "billing")
    assert billing.out.splitlines()[0] == f"{FLAG} for acme where app is billing: crossover"
    assert "✔  allow[0]" in billing.out
    other = (await olga.done("explain", FLAG, "--tenant", "acme", "--app", "sales")).out
    assert "app is sales, not billing" in other
    assert other.splitlines()[-1].split()[:2] == ["✔", "default"]


async def test_a_tenant_may_ask_about_itself_alone(olga: Commands, scene: Scene) -> None:
    assert olga.token_file
    amal = scene.as_("amal")
    assert "legacy" in (await amal.done("explain", FLAG, "--tenant", "acme")).out
    assert (await amal.flags("explain", FLAG, "--tenant", "beta")).code == 77


async def test_history_tells_who_when_and_why(olga: Commands, scene: Scene) -> None:
    await scene.as_("otto").done("allow", FLAG, "acme", "-m", "pilot customer")
    head, newest, *_ = (await olga.done("history", "--limit", "2")).out.splitlines()
    assert head.split() == ["VERSION", "WHEN", "WHO", "ACTION", "WHY"]
    assert newest.split()[-4:] == ["otto", "allow", "pilot", "customer"]
    found = (await olga.done("history", "--limit", "2", "--json")).json
    assert [each["change"]["who"] for each in found] == ["otto", "olga"]


async def test_versions_are_compared_line_by_line(olga: Commands) -> None:
    number = (await olga.done("status", "--json")).json["store"]["version"]
    await olga.done("rollout", FLAG, "--crossover", "25", "-m", "first quarter")
    against_now = (await olga.done("diff", str(number))).out
    assert f"+++ version {number + 1}, rollout by olga: first quarter" in against_now
    assert "+    - crossover: 25.0" in against_now
    assert (await olga.done("diff", str(number), str(number + 1))).out == against_now
    assert "say the same" in (await olga.done("diff", str(number), str(number))).out


async def test_the_table_has_each_flag_and_a_missing_one_is_said(olga: Commands) -> None:
    await olga.done("rollout", FLAG, "--crossover", "25", "--when", "connector=hive", "-m", "quarter")
    assert "25 % crossover where connector is hive" in (await olga.done("get")).out
    missing = await olga.flags("get", "nothing")
    assert (missing.code, missing.out) == (1, "")
    assert FLAG in missing.err


async def test_changes_are_watched_as_they_happen(olga: Commands) -> None:
    process = await olga.start("flags", "watch")
    assert process.stdout is not None
    try:
        first = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        assert b"version" in first
        await olga.done("kill", FLAG, "-m", "on fire")
        told = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
        place = await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    finally:
        process.send_signal(signal.SIGINT)
        await asyncio.wait_for(process.communicate(), PATIENCE)
    assert b"kill by olga" in told
    assert place.decode().strip() == f"+ flags.{FLAG}.kill: true"
    assert process.returncode == 130


async def test_a_watch_survives_a_restart_of_the_bridge(olga: Commands, scene: Scene) -> None:
    process = await olga.start("flags", "watch", "--json")
    assert process.stdout is not None
    try:
        first = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
        await scene.bridge.stop()
        killing = asyncio.ensure_future(olga.done("kill", FLAG, "-m", "while it restarts"))
        await scene.bridge.start()
        assert "KILLED" in (await killing).out
        second = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
    finally:
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert second["number"] == first["number"] + 1
    assert b"trying again" in err
    assert b"connected again" in err


async def test_the_audit_tells_who_did_what_and_that_it_is_intact(olga: Commands, scene: Scene) -> None:
    await olga.done("kill", FLAG, "-m", "for the auditors")
    async with asyncio.timeout(PATIENCE):
        while "for the auditors" not in (listed := await olga.run("audit", "--limit", "5")).out:
            pass
    assert "flags.kill" in listed.out
    entries = (await olga.run("audit", "--limit", "3", "--json")).json["entries"]
    assert len(entries) == 3
    older = (await olga.run("audit", "--limit", "1", "--after", entries[0]["id"], "--json")).json["entries"]
    assert older == entries[1:2]
    verified = await olga.run("audit", "--verify")
    assert verified.code == 0
    assert "intact" in verified.out
    assert (await scene.as_("amal").run("audit", "--tenant", "acme")).code == 0
    refused = await scene.as_("amal").run("audit")
    assert refused.code == 77
    assert "--tenant" in refused.err
