"""What the agent is told: the bridge's own reply, or what its absence or refusal means. Pure.

The agent fails a node for each status but 200 and 503, and never calls a plugin again that answered 404
(argo-workflows, workflow/util/plugin/plugin.go). So all is said by nodes, with status 200.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from crossover.cli.plugin.bridge import Answer
from crossover.errors import PROBLEM_TYPE, TABLE, Forbidden, Unauthenticated

NOT_OURS = b"{}"
REQUEUE = 5
LONGEST = 30
"""Seconds to the next question, while the bridge is away: by default, and at most."""

_ADVICE = {
    TABLE[Unauthenticated].kind: " Give the plugin a token that the bridge knows: see its Secret.",
    TABLE[Forbidden].kind: " Give the plugin's token the role operator.",
}


class Away(NamedTuple):
    """The bridge cannot answer now."""

    reason: str
    requeue: int = REQUEUE


def read_answer(answer: Answer) -> bytes | Away:
    """The reply to pass on. Only what the bridge itself says decides anything; a proxy's page never does."""
    if answer.status == 200 and answer.body.startswith((b'{"node":', NOT_OURS)):
        return answer.body
    problem = _problem(answer)
    if problem is None:
        return Away(f"something before the bridge answered {answer.status}", _requeue(answer))
    detail = str(problem.get("detail") or problem.get("title"))
    if problem.get("retryable") is not False:
        return Away(detail, _requeue(answer))
    kind = str(problem["type"]).removeprefix(PROBLEM_TYPE)
    return error(f"not started: {detail}{_ADVICE.get(kind, '')}")


def away(found: Away, *, tell: bool) -> bytes:
    """Asked again later. Without a phase nothing is written to etcd."""
    node = {"phase": "Pending", "message": f"waiting for the bridge: {found.reason}"} if tell else {}
    return _bytes({"node": node, "requeue": f"{found.requeue}s"})


def error(message: str) -> bytes:
    return _bytes({"node": {"phase": "Error", "message": message}})


def _problem(answer: Answer) -> dict[str, Any] | None:
    if answer.media_type != "application/problem+json":
        return None
    try:
        content = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    kind = content.get("type") if isinstance(content, dict) else None
    return content if isinstance(kind, str) and kind.startswith(PROBLEM_TYPE) else None


def _requeue(answer: Answer) -> int:
    seconds = answer.retry_after[:9]
    return min(max(1, int(seconds)), LONGEST) if seconds.isascii() and seconds.isdigit() else REQUEUE


def _bytes(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
