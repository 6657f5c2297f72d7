"""Saying yes or no."""

from __future__ import annotations

from typing import Annotated

import typer

from crossover.cli.approvals import view
from crossover.cli.approvals.arguments import Id
from crossover.cli.flags.options import Yes, asks
from crossover.cli.flags.output import show
from crossover.cli.flags.screen import Tone
from crossover.cli.flags.session import Session, Stop
from crossover.contract.run import ExitCode

_DONE = {"approve": "approved", "reject": "rejected"}


def approve(
    session: Session,
    approval: Id,
    reason: Annotated[
        str, typer.Option("--reason", "-m", show_default=False, help="Why; it is kept in the audit.")
    ] = "",
    yes: Yes = False,
) -> None:
    """Say yes: what waits goes on. On a terminal it shows what it is about, and asks."""
    _decide(session, approval, "approve", reason, yes)


def reject(
    session: Session,
    approval: Id,
    reason: Annotated[
        str, typer.Option("--reason", "-m", show_default=False, help="Why; somebody has to act on it.")
    ],
    yes: Yes = False,
) -> None:
    """Say no: what waits fails, with the reason."""
    _decide(session, approval, "reject", reason, yes)


def _decide(session: Session, approval: str, decision: str, reason: str, yes: bool) -> None:
    from crossover.cli.flags.client import Away

    if not yes:
        _confirm(session, approval, decision)
    try:
        answer = session.client.send(
            "POST", f"approvals/{approval}", {"decision": decision, "reason": reason}
        ).content
    except Away as away:
        raise _unknown(session, away, approval) from None
    if not session.answered(answer):
        title = session.screen.paint(answer["title"])
        done = session.screen.paint(f"✔ {_DONE[decision]}", Tone.GOOD)
        show([f"{done}: {title}"])


def _confirm(session: Session, approval: str, decision: str) -> None:
    """Nobody decides about what they have not seen."""
    if not asks(False) or session.json:
        raise Stop("nothing was decided: there is nobody to ask, so give --yes")
    found = session.client.get(f"approvals/{approval}").content
    show([*view.whole(session.screen, found), ""])
    if not typer.confirm(f"{decision.capitalize()} this?", err=True):
        raise Stop("nothing was decided", ExitCode.FAILED)


def _unknown(session: Session, away: Exception, approval: str) -> Stop:
    """Repeating a decision is safe: the same one is answered alike."""
    return Stop(
        f"no answer from {session.client.access.url}: {away}. Whether it was decided is not known: say it "
        f"again, or look at `crossover approvals show {approval}`.",
        ExitCode.UNAVAILABLE,
    )
