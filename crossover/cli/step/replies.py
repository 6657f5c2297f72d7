"""What a reply means. Only a problem with our own type decides anything; a proxy's page never does."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from crossover.cli.step.client import Reply
from crossover.contract.run import ExitCode
from crossover.errors import PROBLEM_TYPE, TABLE, Unauthenticated

UNAUTHENTICATED = TABLE[Unauthenticated].kind
QUOTED = 120
"""Characters of a foreign page that a message repeats."""


class Problem(NamedTuple):
    """An RFC 9457 problem of the bridge (`crossover.errors.problem`)."""

    kind: str
    detail: str
    field: str | None
    retryable: bool
    exit_code: int


class Unusable(Exception):
    """A reply that did not come from the bridge, or cannot be read: the bridge counts as away."""


class Refused(Exception):
    """The bridge said no, and asking again would not change that."""

    def __init__(self, problem: Problem) -> None:
        where = f" (field {problem.field})" if problem.field else ""
        super().__init__(problem.detail + where)
        self.problem = problem


def content_of(reply: Reply) -> dict[str, Any] | Problem:
    """The JSON object of a 2xx reply, or the bridge's problem. Raises Unusable for anything else."""
    content = _json(reply.body)
    if isinstance(content, dict):
        if 200 <= reply.status < 300:
            return content
        kind = content.get("type")
        if isinstance(kind, str) and kind.startswith(PROBLEM_TYPE):
            return _problem(kind.removeprefix(PROBLEM_TYPE), content)
    raise Unusable(_describe(reply))


def retry_after(reply: Reply) -> float | None:
    """Seconds of `Retry-After`; dates and nonsense count as absent."""
    value = reply.headers.get("retry-after", "").strip()
    return float(value[:9]) if value.isascii() and value.isdigit() else None


def _problem(kind: str, content: dict[str, Any]) -> Problem:
    code, field = content.get("exit_code"), content.get("field")
    return Problem(
        kind=kind,
        detail=str(content.get("detail") or content.get("title") or kind),
        field=field if isinstance(field, str) else None,
        retryable=content.get("retryable") is True,
        # A refusal is never a success, whatever the body says.
        exit_code=code if type(code) is int and 0 < code < 256 else int(ExitCode.FAILED),
    )


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _describe(reply: Reply) -> str:
    if 200 <= reply.status < 300:
        return "its reply cannot be read"
    text = " ".join(reply.body[: 4 * QUOTED].decode("utf-8", "replace").split())[:QUOTED]
    return f"something before it answered {reply.status}" + (f": {text}" if text else "")
