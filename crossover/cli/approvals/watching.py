"""`crossover approvals watch`: each approval as it is asked for and decided."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from crossover.cli.approvals import view
from crossover.cli.approvals.looking import Which, listed
from crossover.cli.flags.output import show, show_json
from crossover.cli.flags.screen import Cell, Screen, clock
from crossover.cli.flags.session import Json, Session

PAUSE = 2.0
"""Seconds between two looks: a person is slower than that."""

NEWEST = 200
"""How many are looked at: more do not change at once."""


def watch(
    session: Session,
    trace: Annotated[
        str | None, typer.Option("--trace", show_default=False, help="Only of this trace.")
    ] = None,
    outage_budget: Annotated[str, typer.Option(help="How long the bridge may be away.")] = "10m",
) -> None:
    """Show what waits, then each request and decision as it happens; until Ctrl-C.

    With --json one approval per line.
    """
    from crossover.cli.approvals.patience import Patience
    from crossover.cli.flags.options import checked
    from crossover.contract.durations import parse_duration

    patience = Patience(session, checked("--outage-budget", outage_budget, parse_duration))
    known: dict[str, str] | None = None
    while True:
        rows = patience.answer(lambda: listed(session, Which.ALL, trace, NEWEST))
        for each in reversed(rows):
            new = known is None and each["state"] == "pending"
            if new or (known is not None and known.get(each["id"]) != each["state"]):
                _tell(session, each)
        known = {**(known or {}), **{each["id"]: each["state"] for each in rows}}
        time.sleep(PAUSE)


def _tell(session: Session, approval: Json) -> None:
    if session.json:
        show_json(approval, indent=None)
        return
    screen = Screen(color=session.screen.color, now=datetime.now(UTC))
    at = clock(approval["closed_at"] or approval["created_at"])
    by = f" by {approval['decided_by']}" if approval["decided_by"] else ""
    reason = f": {approval['reason']}" if approval["reason"] else ""
    told = Cell(f"{approval['title']} ({approval['id']}){by}{reason}")
    show(screen.rows([(at, view.state(approval), told)]))
