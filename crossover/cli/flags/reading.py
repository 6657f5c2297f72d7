"""Commands that change nothing: what is in force, why, since when, and what was before."""

from __future__ import annotations

from typing import Annotated

import typer

from crossover.cli.flags import flag_view, status_view
from crossover.cli.flags.options import AnyFlag, Flag
from crossover.cli.flags.output import show, show_json
from crossover.cli.flags.session import Json, Session, Stop
from crossover.contract.run import ExitCode

PAGE = 200
"""Versions that the bridge answers at once."""

Tenant = Annotated[str, typer.Option(show_default=False, help="The tenant that is asked about.")]
Word = Annotated[str | None, typer.Option(show_default=False)]


def get(session: Session, flag: AnyFlag = None) -> None:
    """Show all flags in a table, or one flag rule by rule. With --json: what `apply` and `set` take."""
    version, _ = session.flags()
    if flag is None:
        if not session.answered(version["document"]):
            show(flag_view.document(session.screen, version))
        return
    found = version["document"].get("flags", {}).get(flag)
    if found is None:
        known = ", ".join(version["document"].get("flags", {})) or "none yet"
        raise Stop(f"there is no flag {flag}; there are: {known}", ExitCode.FAILED)
    if not session.answered(found):
        show(flag_view.flag(session.screen, flag, found, version))


def status(session: Session) -> int:
    """Show the store's state, kill switches, and running plans with their steps and gates.

    Exit code 0 while what is in force is what the store holds, else 1.
    """
    store = session.client.get("flag-store").content
    document = session.flags()[0]["document"]
    standings = {
        name: session.client.get(f"flags/{name}/plan").content
        for name, flag in document.get("flags", {}).items()
        if any(split.get("plan") for split in flag.get("rollout", ()))
    }
    if not session.answered({"store": store, "plans": standings}):
        show(status_view.status(session.screen, store, document, standings))
    return ExitCode.SUCCEEDED if store["state"] == "fresh" else ExitCode.FAILED


def explain(
    session: Session,
    flag: Flag,
    tenant: Tenant,
    app: Word = None,
    connector: Word = None,
    environment: Word = None,
) -> None:
    """Show why a tenant gets what it gets: every rule in the order in which it is asked."""
    from crossover.cli.flags.ending import within

    words = {"app": app, "connector": connector, "environment": environment}
    given = {key: word for key, word in words.items() if word is not None}
    path = f"flags/{flag}/explain"
    answer = within(session.client, tenant, lambda: session.client.get(path, targeting_key=tenant, **given))
    if not session.answered(answer.content):
        show(status_view.explanation(session.screen, answer.content, tenant, given))


def history(
    session: Session,
    limit: Annotated[int, typer.Option(min=1, help="The newest N versions.")] = 20,
    before: Annotated[int | None, typer.Option(min=1, help="Only versions before this one.")] = None,
) -> None:
    """Show who changed the flags, when, how and why; newest first."""
    from crossover.cli.flags.change_view import history as lines

    found: list[Json] = []
    while len(found) < limit:
        last = found[-1]["number"] if found else before
        page = session.client.get("flag-versions", before=last, limit=min(PAGE, limit - len(found)))
        versions = page.content["versions"]
        found += versions
        if not versions or versions[-1]["number"] == 1:
            break
    if session.json:
        show_json(found)
    elif found:
        show(lines(session.screen, found))
    else:
        show(["No flags have been written yet."])


def diff(
    session: Session,
    a: Annotated[int, typer.Argument(min=1, metavar="A", help="A version.")],
    b: Annotated[
        int | None, typer.Argument(min=1, metavar="[B]", help="Another; default: the one in force.")
    ] = None,
) -> None:
    """Show what changed from version A to version B, line by line."""
    from crossover.cli.flags import change_view

    old = session.client.get(f"flag-versions/{a}").content
    new = session.client.get(f"flag-versions/{b}").content if b else session.flags()[0]
    if session.answered({"from": old, "to": new}):
        return
    lines = list(change_view.diff(session.screen, old, new))
    show(lines or [f"Versions {old['number']} and {new['number']} say the same."])
