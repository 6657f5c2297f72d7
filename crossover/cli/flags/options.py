"""Options that commands share. `calling` gives a command a session, and its errors their exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Concatenate

import typer

from crossover.cli.flags.arguments import flag_name
from crossover.cli.flags.output import colored
from crossover.cli.flags.screen import Screen
from crossover.cli.flags.session import Session
from crossover.cli.logs.options import check_url
from crossover.cli.step.options import Color

_BRIDGE = "The bridge"


def checked(flag: str, value: str, check: Callable[[str], Any]) -> Any:
    """Raises BadParameter that names `flag`."""
    try:
        return check(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from None


def _flag(value: str | None) -> str | None:
    return None if value is None else checked("FLAG", value, flag_name)


Flag = Annotated[str, typer.Argument(metavar="FLAG", callback=_flag, show_default=False, help="Its name.")]
AnyFlag = Annotated[
    str | None,
    typer.Argument(metavar="FLAG", callback=_flag, show_default=False, help="Its name; default: all."),
]
Tenant = Annotated[str, typer.Argument(metavar="TENANT", show_default=False, help="The tenant.")]
Reason = Annotated[
    str,
    typer.Option("--reason", "-m", show_default=False, help="Why; it is kept in the history and the audit."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; say what would change.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Expect = Annotated[
    int | None, typer.Option(min=0, help="Only if this version is still in force: the one you looked at.")
]
When = Annotated[
    list[str] | None,
    typer.Option(
        "--when",
        show_default=False,
        help="Only where this holds: app=billing,connector=hive. A key that is named twice takes both.",
    ),
]


def calling(command: Callable[Concatenate[Session, ...], int | None]) -> Callable[..., None]:
    """The command with the options of `_session` after its own; what it returns is the exit code."""

    def run(**given: Any) -> None:
        from crossover.cli.flags.ending import ended

        own = {name: given.pop(name) for name in names}
        raise typer.Exit(ended(_session(**given), lambda session: command(session, **own)))

    mine = list(signature(command, eval_str=True).parameters.values())[1:]
    names = [parameter.name for parameter in mine]
    shared = signature(_session, eval_str=True).parameters.values()
    _present(run, command, [each.replace(kind=Parameter.KEYWORD_ONLY) for each in (*mine, *shared)])
    return run


def _present(run: Callable[..., None], command: Callable[..., Any], parameters: list[Parameter]) -> None:
    """What typer reads of a command: its parameters, name and help."""
    run.__name__, run.__doc__ = command.__name__, command.__doc__
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__signature__ = Signature(parameters)  # type: ignore[attr-defined]


def _session(
    url: Annotated[
        str, typer.Option(envvar="CROSSOVER_URL", help="Where it is.", rich_help_panel=_BRIDGE)
    ] = "http://127.0.0.1:8787",
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="CROSSOVER_TOKEN_FILE", help="File with the bearer token.", rich_help_panel=_BRIDGE
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            envvar="CROSSOVER_CA_FILE",
            help="Certificates (PEM) to trust instead of the system's.",
            rich_help_panel=_BRIDGE,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The bridge's answer as JSON, and nothing else.")
    ] = False,
    color: Annotated[
        Color, typer.Option(envvar="CROSSOVER_COLOR", help="Colours; auto obeys NO_COLOR.")
    ] = Color.AUTO,
) -> Callable[[], Session]:
    """A session is opened when the command runs: `--help` must not wait for HTTP and TLS."""
    address = checked("--url", url, check_url)

    def opened() -> Session:
        from crossover.cli.flags.client import Access, Client

        client = Client(Access(address, token_file, ca_file))
        return Session(client, Screen(color=colored(color, os.environ)), as_json)

    return opened


def asks(yes: bool) -> bool:
    """Whether there is somebody to ask."""
    return not yes and sys.stdin is not None and sys.stdin.isatty()
