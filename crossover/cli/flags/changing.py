"""Commands that change the flags by a word: each says which tenants go another way by it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from crossover.cli.flags import status_view
from crossover.cli.flags.arguments import conditions, percentage
from crossover.cli.flags.options import AnyFlag, DryRun, Flag, Reason, Tenant, When, checked
from crossover.cli.flags.output import show
from crossover.cli.flags.screen import Tone
from crossover.cli.flags.session import Json, Session


class Side(StrEnum):
    """Who is right when the store came back with something else."""

    REPLICA = "replica"
    STORE = "store"


class Given(StrEnum):
    """Variants that can be given to a tenant; `deny` keeps it on legacy."""

    CROSSOVER = "crossover"
    SHADOW = "shadow"


def change(
    session: Session,
    path: str,
    body: Json,
    reason: str,
    dry_run: bool,
    *,
    effects: list[Json] | None = None,
) -> Json:
    """Asks for the change, and tells what it did or would do.

    Args:
        effects: what follows of it seconds later, where that is not in the answer.
    """
    answer = session.client.send(
        "POST", path, {**body, "reason": reason}, dry_run="true" if dry_run else None
    ).content
    told(session, answer if effects is None else {**answer, "effects": effects}, dry_run)
    return answer


def told(session: Session, answer: Json, dry_run: bool) -> None:
    from crossover.cli.flags.change_view import changed

    if not session.answered(answer):
        show(changed(session.screen, answer, dry_run=dry_run))


def condition(when: list[str] | None) -> dict[str, list[str]]:
    """Raises BadParameter."""
    found: dict[str, list[str]] = checked("--when", ",".join(when), _conditions) if when else {}
    return found


def _conditions(text: str) -> dict[str, list[str]]:
    return conditions([text])


def kill(session: Session, reason: Reason, flag: AnyFlag = None, dry_run: DryRun = False) -> None:
    """Everything new goes legacy, at once: of one flag, or of all. Runs that have begun go on."""
    _switch(session, flag, True, reason, dry_run)


def revive(session: Session, reason: Reason, flag: AnyFlag = None, dry_run: DryRun = False) -> None:
    """Switch a kill switch off again: of one flag, or the one for all flags."""
    _switch(session, flag, False, reason, dry_run)


def _switch(session: Session, flag: str | None, on: bool, reason: str, dry_run: bool) -> None:
    answer = change(session, f"flags/{flag}/kill" if flag else "kill", {"on": on}, reason, dry_run)
    if session.json or dry_run:
        return
    document = answer["document"]
    if on:
        what = flag or "all flags"
        show([session.screen.paint(f"KILLED: everything new of {what} goes legacy; runs go on.", Tone.ALARM)])
        return
    left = [name for name, found in document.get("flags", {}).items() if found.get("kill")]
    if document.get("kill"):
        show([session.screen.paint("The kill switch of all flags is still on.", Tone.WARN)])
    if left:
        show([session.screen.paint(f"Kill switch still on: {', '.join(left)}.", Tone.WARN)])


def allow(
    session: Session,
    flag: Flag,
    tenant: Tenant,
    reason: Reason,
    variant: Annotated[Given, typer.Option(help="What it gets.")] = Given.CROSSOVER,
    when: When = None,
    dry_run: DryRun = False,
) -> None:
    """Give a tenant crossover (or shadow), whatever the rollout says."""
    body = {"tenant": tenant, "variant": variant.value, "when": condition(when)}
    change(session, f"flags/{flag}/allow", body, reason, dry_run)


def deny(
    session: Session, flag: Flag, tenant: Tenant, reason: Reason, when: When = None, dry_run: DryRun = False
) -> None:
    """Keep a tenant on legacy, whatever else says otherwise."""
    change(session, f"flags/{flag}/deny", {"tenant": tenant, "when": condition(when)}, reason, dry_run)


def clear(session: Session, flag: Flag, tenant: Tenant, reason: Reason, dry_run: DryRun = False) -> None:
    """Leave a tenant to the rollout again: neither allowed nor denied."""
    change(session, f"flags/{flag}/clear", {"tenant": tenant}, reason, dry_run)


def rollout(
    session: Session,
    flag: Flag,
    reason: Reason,
    crossover: Annotated[str, typer.Option(show_default=False, help="Percentage of the tenants.")],
    shadow: Annotated[str, typer.Option(help="Percentage that goes both ways; legacy counts.")] = "0",
    when: When = None,
    dry_run: DryRun = False,
) -> None:
    """Set a rollout's percentages, at once. A plan of this rollout ends by it."""
    body: dict[str, Any] = {
        "crossover": checked("--crossover", crossover, percentage),
        "shadow": checked("--shadow", shadow, percentage),
        "when": condition(when),
    }
    change(session, f"flags/{flag}/rollout", body, reason, dry_run)


def revert(
    session: Session,
    number: Annotated[int, typer.Argument(min=1, metavar="N", help="A version, see `history`.")],
    reason: Reason,
    dry_run: DryRun = False,
) -> None:
    """Make an earlier version's document the newest. `diff N` shows what that means."""
    change(session, f"flag-versions/{number}/revert", {}, reason, dry_run)


def restore(
    session: Session,
    side: Annotated[Side, typer.Argument(metavar="replica|store", show_default=False, help="Who is right.")],
    reason: Reason,
) -> None:
    """Say which is right when the store came back with something else: see `status`.

    replica: what the bridge that answers has in force. store: what the store holds.
    """
    answer = session.client.send("POST", "flag-store/restore", {"side": side.value, "reason": reason})
    if not session.answered(answer.content):
        show(status_view.store(session.screen, answer.content))
