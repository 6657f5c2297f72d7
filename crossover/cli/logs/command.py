"""`crossover logs` from its command line to its exit code."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from crossover.cli.step.credentials import CredentialError, read_certificates, read_token
from crossover.cli.step.options import Color
from crossover.contract.durations import parse_duration
from crossover.contract.run import ExitCode

if TYPE_CHECKING:
    from crossover.cli.logs.options import Options

_T = TypeVar("_T")
_Text = str | None
_FILTERS = "Filters"
_OUTPUT = "Output"
_PATIENCE = "Patience"
_SERVICE = "The log service"


def logs(
    trace_id: Annotated[str, typer.Argument(help="The trace: by default the Argo workflow's name.")],
    since: Annotated[
        _Text, typer.Option(help="Begin 10m ago, or at an RFC 3339 time.", rich_help_panel=_FILTERS)
    ] = None,
    tail: Annotated[
        int | None, typer.Option(min=0, help="Begin with the last N lines.", rich_help_panel=_FILTERS)
    ] = None,
    node: Annotated[
        list[str] | None,
        typer.Option(help="Only this node (id or display name); repeatable.", rich_help_panel=_FILTERS),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(help="Only argo, worker, archive or local; repeatable.", rich_help_panel=_FILTERS),
    ] = None,
    level: Annotated[
        _Text, typer.Option(help="At least trace, debug, info, warn or error.", rich_help_panel=_FILTERS)
    ] = None,
    grep: Annotated[
        _Text,
        typer.Option(
            help="Only messages that match this regular expression (RE2).", rich_help_panel=_FILTERS
        ),
    ] = None,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow/--no-follow", help="Stay until the workflow is over.", rich_help_panel=_PATIENCE
        ),
    ] = True,
    max_lines: Annotated[
        int | None, typer.Option(min=1, help="Stop after N lines.", rich_help_panel=_PATIENCE)
    ] = None,
    timeout: Annotated[
        _Text, typer.Option(help="Stop after this long, with exit code 124.", rich_help_panel=_PATIENCE)
    ] = None,
    wait: Annotated[
        str,
        typer.Option(help="How long to wait for a trace that does not exist yet.", rich_help_panel=_PATIENCE),
    ] = "30s",
    outage_budget: Annotated[
        str,
        typer.Option(
            envvar="CROSSOVER_OUTAGE_BUDGET",
            help="How long the service may be away.",
            rich_help_panel=_PATIENCE,
        ),
    ] = "10m",
    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON record per line, and nothing else.", rich_help_panel=_OUTPUT),
    ] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="Lines of the SDK whole, not shortened.", rich_help_panel=_OUTPUT)
    ] = False,
    utc: Annotated[bool, typer.Option("--utc", help="Times in UTC.", rich_help_panel=_OUTPUT)] = False,
    color: Annotated[
        Color,
        typer.Option(envvar="CROSSOVER_COLOR", help="Colours; auto obeys NO_COLOR.", rich_help_panel=_OUTPUT),
    ] = Color.AUTO,
    url: Annotated[
        str, typer.Option(envvar="CROSSOVER_LOGS_URL", help="Where it is.", rich_help_panel=_SERVICE)
    ] = "http://127.0.0.1:8788",
    token_file: Annotated[
        Path | None,
        typer.Option(
            envvar="CROSSOVER_TOKEN_FILE",
            help="File with the bearer token; read for every request.",
            rich_help_panel=_SERVICE,
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option(
            envvar="CROSSOVER_CA_FILE",
            help="Certificates (PEM) to trust instead of the system's.",
            rich_help_panel=_SERVICE,
        ),
    ] = None,
) -> None:
    """Follow all logs of one trace: Argo pods, Temporal workers and state changes, in time order.

    It finds its way back after every interruption, without losing or repeating a line. Its exit code tells
    how the workflow ended: 0 Succeeded, 1 Failed or Error; else 2 wrong usage, 75 unreachable,
    77 not allowed, 124 --timeout, 130 Ctrl-C.
    """
    # Loaded here, not above: `crossover --help` must not wait for HTTP and TLS.
    from crossover.cli.logs.options import Options, check_trace_id, check_url

    start = [("since", since), ("tail", None if tail is None else str(tail))]
    filters = [*(("node", each) for each in node or ()), *(("source", each) for each in source or ())]
    options = Options(
        trace_id=_checked("TRACE_ID", trace_id, check_trace_id),
        url=_checked("--url", url, check_url),
        token_file=_readable("--token-file", token_file, read_token),
        ca_file=_readable("--ca-file", ca_file, read_certificates),
        filters=(*filters, *_given(("level", level), ("grep", grep))),
        start=_given(*start),
        follow=follow,
        max_lines=max_lines,
        timeout=None if timeout is None else _checked("--timeout", timeout, _positive),
        wait=_checked("--wait", wait, parse_duration),
        outage_budget=_checked("--outage-budget", outage_budget, parse_duration),
        json=as_json,
        raw=raw,
        utc=utc,
        color=_colored(color, os.environ),
    )
    raise typer.Exit(_run(options))


class _TimeIsUp(BaseException):
    """--timeout has passed. Like KeyboardInterrupt it ends whatever is being waited for."""


def _run(options: Options) -> int:
    from crossover.cli.logs.feed import Feed
    from crossover.cli.logs.output import ReaderGone, note
    from crossover.cli.logs.session import Session

    feed = Feed(options)
    session = Session(options, feed)
    try:
        if options.timeout is not None:
            signal.signal(signal.SIGALRM, _on_alarm)
            signal.setitimer(signal.ITIMER_REAL, options.timeout)
        return session.run()
    except _TimeIsUp:
        note(session.timed_out().word)
        return ExitCode.TIMED_OUT
    except KeyboardInterrupt:
        return ExitCode.CANCELLED
    except ReaderGone:
        return ExitCode.SUCCEEDED
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        feed.close()


def _on_alarm(_number: int, _frame: FrameType | None) -> None:
    raise _TimeIsUp


def _colored(color: Color, environ: Mapping[str, str]) -> bool:
    """As `crossover step run` has it (https://no-color.org)."""
    if color is not Color.AUTO:
        return color is Color.ALWAYS
    tty = sys.stdout is not None and sys.stdout.isatty()
    return tty and environ.get("TERM") != "dumb" and not environ.get("NO_COLOR")


def _given(*pairs: tuple[str, str | None]) -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in pairs if value is not None)


def _positive(value: str) -> float:
    if (seconds := parse_duration(value)) <= 0:
        raise ValueError("must be longer than zero")
    return seconds


def _readable(flag: str, path: Path | None, check: Callable[[Path], object]) -> Path | None:
    """A file that must be good now; it is read again whenever it is used."""
    if path is not None:
        try:
            check(path)
        except CredentialError as error:
            raise typer.BadParameter(str(error), param_hint=flag) from None
    return path


def _checked(flag: str, value: str, check: Callable[[str], _T]) -> _T:
    try:
        return check(value)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from None
