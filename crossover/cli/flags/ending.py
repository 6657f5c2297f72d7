"""From a command's work to its exit code: every error becomes one sentence that says what to do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from crossover.cli.flags.client import Answer, Away, Client
from crossover.cli.flags.output import note
from crossover.cli.flags.session import Session, Stop
from crossover.cli.step.replies import UNAUTHENTICATED, Refused
from crossover.contract.run import ExitCode


def ended(opened: Callable[[], Session], work: Callable[[Session], int | None]) -> int:
    """The exit code of a command."""
    session: Session | None = None
    try:
        session = opened()
        return work(session) or ExitCode.SUCCEEDED
    except Stop as stop:
        note(str(stop))
        return stop.code
    except Refused as refused:
        note(_refusal(refused, session))
        return refused.problem.exit_code
    except Away as away:
        note(_away(away, session))
        return ExitCode.UNAVAILABLE
    except KeyboardInterrupt:
        return ExitCode.CANCELLED
    except BrokenPipeError:
        # Whoever read has closed; Python would complain again when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.SUCCEEDED
    finally:
        if session is not None:
            session.client.close()


def within(client: Client, tenant: str, ask: Callable[[], Answer]) -> Answer:
    """Asks as whom the token names; where that may not, acting in `tenant`, if the caller has a role there.
    Raises what the first was refused with."""
    try:
        return ask()
    except Refused as refused:
        if refused.problem.exit_code != ExitCode.NOT_ALLOWED:
            raise
        client.tenant = tenant
        try:
            return ask()
        except Refused:
            raise refused from None


def _refusal(refused: Refused, session: Session | None) -> str:
    problem = refused.problem
    told = problem.field in (None, "(body)") or problem.detail.startswith(f"{problem.field}:")
    sentence = problem.detail if told else str(refused)
    if problem.kind == UNAUTHENTICATED and session and session.client.access.token_file is None:
        sentence += " Name your token's file by --token-file or CROSSOVER_TOKEN_FILE."
    elif problem.retryable:
        sentence += " Try again in a moment."
    return sentence


def _away(away: Away, session: Session | None) -> str:
    if session is None:
        return str(away)
    sentence = f"no answer from {session.client.access.url}: {away}."
    if away.sent:
        return f"{sentence} Whether it was done is not known: look at `crossover flags history`."
    return f"{sentence} Nothing was changed; --url or CROSSOVER_URL says where the bridge is."
