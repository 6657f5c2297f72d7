"""Commands that read and write whole documents: for GitOps, editors, and flagd."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from crossover.cli.flags.changing import told
from crossover.cli.flags.options import DryRun, Expect, Flag, Reason, Yes, asks
from crossover.cli.flags.output import note, show, show_json
from crossover.cli.flags.session import CONFLICT, Json, Session, Stop

WOULD_CHANGE = 3
"""Exit code of a dry run that found something to do."""

File = Annotated[
    Path, typer.Argument(metavar="FILE", show_default=False, help="YAML or JSON; - reads standard input.")
]


class Format(StrEnum):
    """The flag document as `apply` takes it, or flagd's definitions."""

    DOCUMENT = "document"
    FLAGD = "flagd"


class _Write:
    """One replacement: where it goes, and what it says."""

    def __init__(self, session: Session, path: str, body: Json, reason: str | None = None) -> None:
        self._session = session
        self._path = path
        self._body = body
        self._reason = reason

    def dry(self) -> Json:
        return self._sent(None, "true")

    def real(self, etag: str) -> Json:
        return self._sent(etag, None)

    def _sent(self, etag: str | None, dry_run: str | None) -> Json:
        send = self._session.client.send
        return send(
            "PUT", self._path, self._body, if_match=etag, reason=self._reason, dry_run=dry_run
        ).content


def set_flag(
    session: Session,
    flag: Flag,
    reason: Reason,
    file: Annotated[
        Path, typer.Option("--file", "-f", help="The flag as YAML or JSON; - reads standard input.")
    ] = Path("-"),
    expect: Expect = None,
    dry_run: DryRun = False,
) -> None:
    """Create or replace one flag. A plan with the same steps and gate goes on where it stands."""
    from crossover.cli.flags.document import read_flag, with_progress

    version, etag = _expected(session, expect)
    wanted = with_progress({"flags": {flag: read_flag(file, flag)}}, version["document"])
    content = wanted["flags"][flag]
    write = _Write(session, f"flags/{flag}", {"flag": content, "reason": reason})
    told(session, write.dry() if dry_run else _made(session, write, version, etag), dry_run)


def apply(
    session: Session,
    file: File,
    reason: Reason,
    expect: Expect = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Make the flags what FILE says: shows what would change, and asks.

    A plan with the same steps and gate goes on where it stands. Exit codes: 0 when done or nothing was to
    do; with --dry-run 3 when something is.
    """
    from crossover.cli.flags.document import read, with_progress

    version, etag = _expected(session, expect)
    document = with_progress(read(file), version["document"])
    write = _Write(session, "flags", {"document": document, "reason": reason})
    return _replace(session, write, version, etag, yes=yes, dry_run=dry_run)


def import_(
    session: Session,
    file: File,
    reason: Reason,
    format_: Annotated[Format, typer.Option("--format", help="What FILE holds.")] = Format.FLAGD,
    expect: Expect = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> int:
    """Make the flags what a flagd definition says; asks, and ends, as `apply` does."""
    if format_ is Format.DOCUMENT:
        return apply(session, file, reason, expect, yes, dry_run)
    from crossover.cli.flags.document import read_flagd

    version, etag = _expected(session, expect)
    write = _Write(session, "flagd", read_flagd(file), reason)
    return _replace(session, write, version, etag, yes=yes, dry_run=dry_run)


def export(
    session: Session,
    format_: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.DOCUMENT,
) -> None:
    """Write the flags to standard output: the document as YAML (--json: JSON), or a flagd definition."""
    from crossover.cli.flags.change_view import as_yaml

    if format_ is Format.FLAGD:
        show_json(session.client.get("flagd").content)
        return
    document = {"schema": 1, **session.flags()[0]["document"]}
    if not session.answered(document):
        show(as_yaml(document))


def _expected(session: Session, number: int | None) -> tuple[Json, str]:
    """The version in force, which must be `number` where one is named."""
    version, etag = session.flags()
    if number is not None and version["number"] != number:
        raise _conflict(session, number)
    return version, etag


def _replace(session: Session, write: _Write, version: Json, etag: str, *, yes: bool, dry_run: bool) -> int:
    from crossover.cli.flags.change_view import consequences, diff

    answer = write.dry()
    lines = list(diff(session.screen, version, answer, "as asked for"))
    if not lines or dry_run:
        session.answered(answer)
    if not lines:
        show([] if session.json else ["Nothing to do: the flags say so already."])
        return 0
    if not session.json:
        show([*lines, "", *consequences(session.screen, answer, would=True)])
    if dry_run:
        return WOULD_CHANGE
    _confirm(yes)
    told(session, _made(session, write, version, etag), False)
    return 0


def _confirm(yes: bool) -> None:
    if yes:
        return
    if not asks(yes):
        raise Stop("nothing was changed: there is nobody to ask, so give --yes (or --dry-run)")
    if not typer.confirm("Make this change?", err=True):
        raise Stop("nothing was changed", 1)


def _made(session: Session, write: _Write, version: Json, etag: str) -> Json:
    from crossover.cli.step.replies import Refused

    try:
        return write.real(etag)
    except Refused as refused:
        if refused.problem.kind != CONFLICT:
            raise
        raise _conflict(session, version["number"]) from None


def _conflict(session: Session, number: int) -> Stop:
    """Says who has changed the flags since version `number`, and why."""
    from crossover.cli.flags.change_view import history

    versions = session.client.get("flag-versions", limit=50).content["versions"]
    newer = [version for version in versions if version["number"] > number]
    if not newer:
        return Stop(f"version {number} is not in force: `crossover flags history` shows what is")
    note(f"the flags have changed since version {number}; nothing was written. Meanwhile:")
    typer.echo("\n".join(history(session.screen, newer)), err=True)
    return Stop(f"look at `crossover flags diff {number}`, then repeat the change")
