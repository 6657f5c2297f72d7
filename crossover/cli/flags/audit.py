"""`crossover audit`: who did what, when and why."""

from __future__ import annotations

from typing import Annotated

import typer

from crossover.cli.flags import audit_view
from crossover.cli.flags.output import show
from crossover.cli.flags.session import Json, Session, Stop
from crossover.contract.run import ExitCode

PAGE = 500
"""Entries that the bridge answers at once."""


def audit(
    session: Session,
    tenant: Annotated[
        str | None,
        typer.Option(show_default=False, help="Only of this tenant of yours; default: all and the platform."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest N entries.")] = 50,
    after: Annotated[
        str | None, typer.Option(show_default=False, help="Go on after this id, towards older ones.")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Whether all of it is as it was written; exit code 1 if not.")
    ] = False,
) -> int:
    """Show who did what, when and why; newest first."""
    if verify:
        return _verify(session, tenant)
    session.client.tenant = tenant
    found: list[Json] = []
    while len(found) < limit:
        page = _page(session, tenant, found[-1]["id"] if found else after, min(PAGE, limit - len(found)))
        found += page
        if not page:
            break
    if not session.answered({"entries": found}):
        show(audit_view.entries(session.screen, found) if found else ["The audit is empty here."])
    return ExitCode.SUCCEEDED


def _page(session: Session, tenant: str | None, after: str | None, limit: int) -> list[Json]:
    from crossover.cli.step.replies import Refused

    everything = None if tenant else "true"
    try:
        content = session.client.get("audit", everything=everything, after=after, limit=limit).content
    except Refused as refused:
        if tenant or refused.problem.exit_code != ExitCode.NOT_ALLOWED:
            raise
        raise Stop(f"{refused} --tenant asks for one tenant alone.", ExitCode.NOT_ALLOWED) from None
    entries: list[Json] = content["entries"]
    return entries


def _verify(session: Session, tenant: str | None) -> int:
    if tenant:
        raise Stop("--verify looks at the whole audit: leave --tenant away")
    found = session.client.get("audit/verify").content
    if not session.answered(found):
        show(audit_view.verdict(session.screen, found))
    return ExitCode.SUCCEEDED if found["intact"] else ExitCode.FAILED
