"""Whether a failed attempt is followed by another, and when.

Source: argo-workflows workflow/controller/operator.go, processNodeRetries. One difference: Argo waits for the
backoff before it looks at policy, limit and expression; here a hopeless attempt ends at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from argo_flow.graph.phases import NodePhase
from argo_flow.graph.retry_expression import evaluate_retry_expression
from argo_flow.graph.templates import Backoff, RetryStrategy
from crossover.contract.durations import parse_duration

NO_EXIT_CODE = "-1"
"""`lastRetry.exitCode` of an attempt whose pod was lost before it had one."""


class RetryPolicy(StrEnum):
    ALWAYS = "Always"
    ON_FAILURE = "OnFailure"
    ON_ERROR = "OnError"
    ON_TRANSIENT_ERROR = "OnTransientError"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempt that just failed. `number` counts from 0; times are seconds on one clock."""

    number: int
    phase: NodePhase
    message: str
    exit_code: str | None
    started: float
    finished: float
    first_started: float


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Start the next attempt at `at`; end it at `deadline`, where there is one. Same clock as Attempt's."""

    at: float
    deadline: float | None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The node ends in the attempt's phase; `message` says why there is no other attempt."""

    message: str


def policy_of(strategy: RetryStrategy) -> RetryPolicy:
    """The policy written, else Always when there is an expression, else OnFailure. Raises ValueError."""
    if strategy.policy:
        return RetryPolicy(strategy.policy)
    return RetryPolicy.ALWAYS if strategy.expression else RetryPolicy.ON_FAILURE


def next_attempt(strategy: RetryStrategy, last: Attempt) -> TryAgain | GiveUp:
    """What follows the failed attempt `last`.

    Raises ValueError (ExpressionError is one) for a strategy that cannot be read: the node is then in Error.
    """
    if not _policy_allows(policy_of(strategy), last):
        return GiveUp(last.message)
    limit = None if strategy.limit is None else int(strategy.limit)
    if limit is not None and last.number >= limit:
        return GiveUp("No more retries left")
    if strategy.expression and not evaluate_retry_expression(strategy.expression, _variables(last)):
        return GiveUp("retryStrategy.expression evaluated to false")
    if strategy.backoff is None:
        return TryAgain(last.finished, None)
    return _after_backoff(strategy.backoff, last, limited=limit is not None)


def delay(backoff: Backoff, number: int) -> float:
    """Seconds between attempt `number` and the next: duration * factor^number, at most `cap`."""
    if not backoff.duration:
        raise ValueError("no base duration specified for retryStrategy")
    seconds = parse_duration(backoff.duration)
    factor = int(backoff.factor or "0")
    if factor > 0:
        seconds *= float(factor) ** min(number, 60)
    return min(seconds, parse_duration(backoff.cap)) if backoff.cap else seconds


def _after_backoff(backoff: Backoff, last: Attempt, *, limited: bool) -> TryAgain | GiveUp:
    deadline = None
    if backoff.max_duration:
        deadline = last.first_started + parse_duration(backoff.max_duration)
        if last.finished > deadline:
            return GiveUp("Max duration limit exceeded")
    at = last.finished + delay(backoff, last.number)
    if deadline is not None and at > deadline:
        return GiveUp("Backoff would exceed max duration limit")
    # Argo only waits for the backoff of a strategy that has a limit.
    return TryAgain(at if limited else last.finished, deadline)


def _policy_allows(policy: RetryPolicy, last: Attempt) -> bool:
    match policy:
        case RetryPolicy.ALWAYS:
            return True
        case RetryPolicy.ON_FAILURE:
            return last.phase is NodePhase.FAILED
        case RetryPolicy.ON_ERROR:
            return last.phase is NodePhase.ERROR
        case RetryPolicy.ON_TRANSIENT_ERROR:
            return any(pattern in last.message for pattern in TRANSIENT_PATTERNS)


TRANSIENT_PATTERNS = (
    "net/http: TLS handshake timeout",
    "i/o timeout",
    "connection timed out",
    "connection reset by peer",
)
"""What marks a message as a transient error: those of Argo's patterns (util/errors/errors.go) that a process
of this machine can have in its message."""


def _variables(last: Attempt) -> dict[str, str]:
    return {
        "lastRetry.exitCode": last.exit_code or NO_EXIT_CODE,
        "lastRetry.status": last.phase.value,
        # Argo's timestamps have whole seconds, and so have their differences.
        "lastRetry.duration": str(int(last.finished) - int(last.started)),
        "lastRetry.message": last.message,
        "retries": str(last.number),
    }
