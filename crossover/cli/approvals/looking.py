"""Commands that change nothing: what waits, and how something was decided."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from crossover.cli.approvals import view
from crossover.cli.approvals.arguments import Id
from crossover.cli.flags.output import show, show_json
from crossover.cli.flags.session import Json, Session

PAGE = 100
"""Approvals that the bridge answers at once."""


class Which(StrEnum):
    """States of an approval, and all of them."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    ALL = "all"


Trace = Annotated[str | None, typer.Option("--trace", show_default=False, help="Only of this trace.")]


def list_(
    session: Session,
    state: Annotated[Which, typer.Option(help="Only those.")] = Which.PENDING,
    trace: Trace = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest N.")] = 50,
) -> None:
    """Show what waits for a decision, newest first."""
    found = listed(session, state, trace, limit)
    if session.json:
        show_json(found)
    elif found:
        show(view.table(session.screen, found))
    else:
        show(["Nothing waits for approval." if state is Which.PENDING else "There are none."])


def listed(session: Session, state: Which, trace: str | None, limit: int) -> list[Json]:
    found: list[Json] = []
    token: str | None = None
    while len(found) < limit:
        page = session.client.get(
            "approvals",
            state=None if state is Which.ALL else state.value,
            trace_id=trace,
            limit=min(PAGE, limit - len(found)),
            page_token=token,
        ).content
        found += page["approvals"]
        token = page["next_page_token"]
        if token is None:
            break
    return found[:limit]


def show_(session: Session, approval: Id) -> None:
    """Show one approval with all that was said about it."""
    answer = session.client.get(f"approvals/{approval}").content
    if not session.answered(answer):
        show(view.whole(session.screen, answer))
