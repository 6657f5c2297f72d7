"""One command at work: its client, how it shows things, and the exit code that its errors become."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from crossover.cli.flags.client import Away, Client, Json
from crossover.cli.flags.output import note, show_json
from crossover.cli.flags.screen import Screen
from crossover.cli.step.replies import UNAUTHENTICATED, Refused
from crossover.contract.run import ExitCode
from crossover.errors import TABLE, PreconditionFailed

CONFLICT = TABLE[PreconditionFailed].kind


@dataclass(frozen=True, slots=True)
class Session:
    """`json`: the answer as it came, instead of text for people."""

    client: Client
    screen: Screen
    json: bool

    def flags(self) -> tuple[Json, str]:
        """The version in force, and its ETag."""
        answer = self.client.get("flags")
        return answer.content, answer.etag

    def answered(self, content: Json) -> bool:
        """Shows the answer where JSON was asked for; whether that was so."""
        if self.json:
            show_json(content)
        return self.json


class Stop(Exception):
    """The command ends here, with a sentence and an exit code."""

    def __init__(self, sentence: str, code: int = ExitCode.USAGE) -> None:
        super().__init__(sentence)
        self.code = code


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


def _refusal(refused: Refused, session: Session | None) -> str:
    problem = refused.problem
    sentence = problem.detail if problem.field in (None, "(body)") else str(refused)
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
