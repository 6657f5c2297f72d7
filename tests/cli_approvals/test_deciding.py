"""People who look, and decide."""

from __future__ import annotations

import asyncio
import os
import pty

import pytest

from tests.cli_approvals.conftest import People
from tests.patience import PATIENCE


async def test_what_waits_is_listed_in_a_table(people: People) -> None:
    asked = await people.steps.asked("Restart the billing service", trace_id="table-1")

    async def row() -> str:
        out = (await people.vera.approvals("list", "--trace", "table-1")).out
        return next((line for line in out.splitlines() if asked["id"] in line), "")

    async with asyncio.timeout(PATIENCE):
        while not (found := await row()):
            pass  # visibility is a second late; each look takes as long
    assert found.split()[1:3] == ["pending", "steps"]
    assert "expires in 23h" in found or "expires in 1d00h" in found
    assert found.endswith("Restart the billing service")


async def test_nothing_to_decide_is_said(people: People) -> None:
    ended = await people.vera.approvals("list", "--trace", "there-is-none")
    assert (ended.code, ended.out) == (0, "Nothing waits for approval.\n")
    assert (await people.vera.approvals("list", "--trace", "there-is-none", "--json")).json == []


async def test_show_tells_all_that_was_said(people: People) -> None:
    asked = await people.steps.asked(
        description="They are old.\nReally.", details='{"tables": 312}', requested_by="nightly"
    )
    out = (await people.vera.approvals("show", asked["id"])).out
    for part in (
        "Delete 312 stale tables",
        "  They are old.\n  Really.",
        '"tables": 312',
        "nightly",
        "through",
    ):
        assert part in out
    assert (await people.vera.approvals("show", asked["id"], "--json")).json == asked


@pytest.mark.parametrize(
    ("command", "state"), [(("approve",), "approved"), (("reject", "-m", "not today"), "rejected")]
)
async def test_a_decision_is_made_and_shown(people: People, command: tuple[str, ...], state: str) -> None:
    asked = await people.steps.asked()
    verb, *more = command
    ended = await people.alice.approvals(verb, asked["id"], *more, "--yes")
    assert (ended.code, ended.out) == (0, f"✔ {state}: {asked['title']}\n")
    found = (await people.vera.approvals("show", asked["id"], "--json")).json
    assert (found["state"], found["decided_by"]) == (state, "alice")
    again = await people.alice.approvals(
        "approve" if verb == "reject" else "reject", "-m", "x", asked["id"], "-y"
    )
    assert (again.code, again.out) == (1, "")
    assert f"is over: {state} by alice" in again.err


@pytest.mark.parametrize(("answer", "code", "state"), [("y", 0, "approved"), ("n", 1, "pending")])
async def test_a_person_sees_what_it_is_about_and_is_asked(
    people: People, answer: str, code: int, state: str
) -> None:
    asked = await people.steps.asked(details='{"confidence": 0.62}')
    ours, theirs = pty.openpty()
    try:
        process = await people.alice.start("approvals", "approve", asked["id"], stdin=theirs)
        os.write(ours, f"{answer}\n".encode())
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    finally:
        os.close(ours)
        os.close(theirs)
    assert process.returncode == code
    assert b'"confidence": 0.62' in out
    assert b"Approve this?" in err
    assert (await people.vera.approvals("show", asked["id"], "--json")).json["state"] == state


async def test_where_there_is_nobody_to_ask_yes_is_needed(people: People) -> None:
    asked = await people.steps.asked()
    ended = await people.alice.approvals("approve", asked["id"])
    assert (ended.code, ended.out) == (2, "")
    assert "--yes" in ended.err


async def test_who_may_not_decide_is_told_which_role_it_takes(people: People) -> None:
    asked = await people.steps.asked()
    ended = await people.vera.approvals("approve", asked["id"], "--yes")
    assert (ended.code, ended.out) == (77, "")
    assert "role approver" in ended.err


async def test_what_others_have_written_cannot_act_on_the_terminal(people: People) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\u202egnp.exe"
    asked = await people.steps.asked(
        f"Title {evil}", description=f"Text {evil}", details='{"x": "\\u001b[2J"}'
    )
    for words in (("show", asked["id"]), ("reject", "-y", "-m", evil, asked["id"]), ("show", asked["id"])):
        ended = await people.alice.approvals(*words)
        assert ended.code == 0, ended
        assert not {"\x1b", "\x07", "\u202e"} & set(ended.out + ended.err)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("show", "no-such-approval"), 1, "There is no approval"),
        (("show", "../runs"), 2, "letters, digits"),
        (("reject", "x1", "--yes"), 2, "--reason"),
        (("approve",), 2, "ID"),
        (("list", "--state", "maybe"), 2, "--state"),
        (("list", "--trace", "a b"), 2, "trace_id"),
    ],
)
async def test_mistakes_are_sentences(people: People, words: tuple[str, ...], code: int, says: str) -> None:
    ended = await people.alice.approvals(*words)
    assert (ended.code, ended.out) == (code, "")
    assert says in ended.err
