"""Steps that ask, and wait; and people who watch."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from testbed.ports import free_port
from tests.cli_approvals.conftest import People, argo_options
from tests.patience import PATIENCE

WAIT = ("request", "--wait", "--title", "Delete it", "--json")


def node_words() -> list[str]:
    return [word for key, value in argo_options().items() for word in (f"--{key}", value)]


@pytest.mark.parametrize(
    ("decision", "code", "state"), [("approve", 0, "approved"), ("reject", 1, "rejected")]
)
async def test_a_step_waits_and_ends_as_was_decided(
    people: People, decision: str, code: int, state: str
) -> None:
    process = await people.steps.start("approvals", *WAIT, *node_words())
    assert process.stderr is not None
    told = await asyncio.wait_for(process.stderr.readline(), PATIENCE)
    approval = told.decode().split()[-1]
    await people.alice.approvals(decision, approval, "-m", "why", "--yes")
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == code
    assert (json.loads(out)["state"], json.loads(out)["reason"]) == (state, "why")


async def test_a_step_whose_approval_expires_has_timed_out(people: People) -> None:
    ended = await people.steps.approvals(*WAIT, *node_words(), "--expires-in", "1s")
    assert (ended.code, ended.json["state"]) == (124, "expired")


async def test_a_step_that_is_retried_finds_what_was_decided(people: People) -> None:
    words = node_words()
    first = await people.steps.start("approvals", *WAIT, *words)
    assert first.stderr is not None
    approval = (await asyncio.wait_for(first.stderr.readline(), PATIENCE)).decode().split()[-1]
    first.kill()
    await first.communicate()
    await people.alice.approvals("approve", approval, "--yes")
    ended = await people.steps.approvals(*WAIT, *words)
    assert (ended.code, ended.json["id"], ended.json["decided_by"]) == (0, approval, "alice")


async def test_details_come_from_a_file(people: People, tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text('{"tables": 312}')
    asked = await people.steps.asked(details=f"@{tmp_path}/facts.json", expires_in="2h", name="first")
    assert asked["details"] == {"tables": 312}
    assert asked["id"].startswith("first-")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("--title", "x"), 2, "name the `argo` node that asks"),
        (("--title", "x", "--argo-workflow", "wf"), 2, "--argo-namespace, --argo-uid, --argo-node"),
        (("--title", "x", "--run", "r"), 2, "--signal"),
        (("--title", "x", "--run", "r", "--signal", "s"), 1, "There is no run"),
        (("--title", "x", "--details", "[]"), 2, "JSON object"),
        (("--title", "x", "--details", "@/no/such/file"), 2, "/no/such/file"),
        (("--title", "x", "--expires-in", "soon"), 2, "duration"),
        (("--title", "x" * 201, *node_words()), 2, "title"),
        (("--title", "x", *node_words()), 2, "argo_server_url"),
    ],
)
async def test_mistakes_are_sentences(people: People, words: tuple[str, ...], code: int, says: str) -> None:
    ended = await people.steps.approvals("request", *words)
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err


async def test_a_bridge_that_stays_away_is_given_up_on(people: People) -> None:
    lost = replace(people.steps, url=f"http://127.0.0.1:{free_port()}")
    ended = await lost.approvals("request", "--title", "x", *node_words(), "--outage-budget", "1s")
    assert (ended.code, ended.out) == (75, "")
    assert "gave up" in ended.err
    unsure = await replace(people.alice, url=lost.url).approvals("approve", "x1", "--yes")
    assert unsure.code == 75
    assert "say it again" in unsure.err


async def test_watching_shows_requests_and_decisions_as_they_come(people: People) -> None:
    options = {"trace_id": "watched-1"}
    before = await people.steps.asked("before", **options)
    process = await people.vera.start("approvals", "watch", "--trace", "watched-1", "--json")
    assert process.stdout is not None
    try:

        async def line() -> tuple[str, str]:
            assert process.stdout is not None
            found = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE))
            return found["title"], found["state"]

        assert await line() == ("before", "pending")
        await people.steps.asked("later", **options)
        assert await line() == ("later", "pending")
        await people.alice.approvals("approve", before["id"], "--yes")
        assert await line() == ("before", "approved")
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 130
