"""Every error a caller can get: one tree, and one table from error to its meaning elsewhere.

    CrossoverError
    ├── InvalidRequest            400  the request as a whole cannot be read
    │   ├── InvalidField          422  one field is wrong; `field` names it
    │   ├── UnknownApp            422  `app` is not in the registry
    │   ├── BodyTooLarge          413
    │   └── UnsupportedMedia      415
    ├── Unauthenticated           401
    ├── Forbidden                 403
    ├── NotFound                  404  also for what the caller may not know of
    ├── Conflict                  409
    │   ├── InputConflict         409  same run id, different work
    │   ├── DecisionConflict      409  the node was decided otherwise
    │   ├── StoreConflict         409  the flag store is read-only, or not what this replica knew
    │   └── RunClosed             409  the run is over
    ├── PreconditionFailed        412  If-Match names a version that is not in force any more
    ├── PreconditionRequired      428  the write names no version
    ├── Rejected                  422  the workflow refused a query, signal or update
    ├── Busy                      429  a quota or Temporal's own limit
    ├── Unavailable               503  Temporal, or a log's system, cannot be reached
    │   └── ShuttingDown          503  this replica is going away
    ├── NoAnswer                  504  Temporal did not answer; the call may have happened
    └── Internal                  500  a bug of ours

HTTP bodies are RFC 9457 problems. `docs/errors.md` is written from `TABLE`, and every row has a test.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crossover.contract.run import ExitCode

FOREIGN_TEXT_LIMIT = 400
"""Characters kept of another system's error text: enough to act on, too little to spill a payload."""


class CrossoverError(Exception):
    """Base of all errors that reach a caller.

    Args:
        detail: a full sentence that says what is wrong and what to do.
        field: the request field at fault, as a dotted path (`argo.uid`), where there is one.
        retry_after: seconds after which trying again makes sense, where it does.
    """

    def __init__(self, detail: str, *, field: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.retry_after = retry_after


class InvalidRequest(CrossoverError): ...


class InvalidField(InvalidRequest): ...


class UnknownApp(InvalidField): ...


class BodyTooLarge(InvalidRequest): ...


class UnsupportedMedia(InvalidRequest): ...


class Unauthenticated(CrossoverError): ...


class Forbidden(CrossoverError): ...


class NotFound(CrossoverError): ...


class Conflict(CrossoverError): ...


class InputConflict(Conflict): ...


class DecisionConflict(Conflict): ...


class StoreConflict(Conflict): ...


class RunClosed(Conflict): ...


class PreconditionFailed(CrossoverError): ...


class PreconditionRequired(CrossoverError): ...


class Rejected(CrossoverError): ...


class Busy(CrossoverError): ...


class Unavailable(CrossoverError): ...


class ShuttingDown(Unavailable): ...


class NoAnswer(CrossoverError): ...


class Internal(CrossoverError): ...


@dataclass(frozen=True, slots=True)
class Row:
    """What an error means: over HTTP, as the step's exit code, and to Argo's plugin agent.

    `plugin` is `failed` (the node fails) or `transient` (the agent asks again; Argo retries on 503).
    """

    kind: str
    title: str
    status: int
    exit_code: ExitCode
    plugin: str

    @property
    def retryable(self) -> bool:
        return self.plugin == "transient"


TABLE: dict[type[CrossoverError], Row] = {
    InvalidRequest: Row("invalid-request", "The request cannot be read", 400, ExitCode.USAGE, "failed"),
    InvalidField: Row("invalid-field", "A field of the request is wrong", 422, ExitCode.USAGE, "failed"),
    UnknownApp: Row("unknown-app", "The app is not registered", 422, ExitCode.USAGE, "failed"),
    BodyTooLarge: Row("body-too-large", "The request body is too large", 413, ExitCode.USAGE, "failed"),
    UnsupportedMedia: Row("unsupported-media", "The body is not plain JSON", 415, ExitCode.USAGE, "failed"),
    Unauthenticated: Row("unauthenticated", "The caller is not known", 401, ExitCode.NOT_ALLOWED, "failed"),
    Forbidden: Row("forbidden", "The caller may not do this", 403, ExitCode.NOT_ALLOWED, "failed"),
    NotFound: Row("not-found", "There is no such thing", 404, ExitCode.FAILED, "failed"),
    Conflict: Row("conflict", "The request contradicts what exists", 409, ExitCode.USAGE, "failed"),
    InputConflict: Row("input-conflict", "The run exists with other work", 409, ExitCode.USAGE, "failed"),
    DecisionConflict: Row(
        "decision-conflict", "The node was decided otherwise", 409, ExitCode.USAGE, "failed"
    ),
    StoreConflict: Row("store-conflict", "The flag store does not take this", 409, ExitCode.USAGE, "failed"),
    PreconditionFailed: Row("precondition-failed", "It has changed meanwhile", 412, ExitCode.USAGE, "failed"),
    PreconditionRequired: Row(
        "precondition-required", "The write names no version", 428, ExitCode.USAGE, "failed"
    ),
    RunClosed: Row("run-closed", "The run is over", 409, ExitCode.FAILED, "failed"),
    Rejected: Row("rejected", "The workflow refused", 422, ExitCode.FAILED, "failed"),
    Busy: Row("busy", "A limit was reached", 429, ExitCode.UNAVAILABLE, "transient"),
    Unavailable: Row(
        "unavailable", "What is needed cannot be reached", 503, ExitCode.UNAVAILABLE, "transient"
    ),
    ShuttingDown: Row(
        "shutting-down", "This replica is shutting down", 503, ExitCode.UNAVAILABLE, "transient"
    ),
    NoAnswer: Row("no-answer", "Temporal did not answer in time", 504, ExitCode.UNAVAILABLE, "transient"),
    Internal: Row("internal", "The service made a mistake", 500, ExitCode.UNAVAILABLE, "transient"),
}

PROBLEM_TYPE = "urn:crossover:error:"


def row_of(error: CrossoverError) -> Row:
    """The table's row of an error: its own class's, else its nearest base's."""
    return next(TABLE[base] for base in type(error).__mro__ if base in TABLE)


def problem(error: CrossoverError, *, instance: str | None = None) -> dict[str, Any]:
    """The error as an RFC 9457 problem; `exit_code` and `retryable` spare clients a table of their own."""
    row = row_of(error)
    body: dict[str, Any] = {
        "type": PROBLEM_TYPE + row.kind,
        "title": row.title,
        "status": row.status,
        "detail": error.detail,
        "retryable": row.retryable,
        "exit_code": int(row.exit_code),
    }
    if error.field is not None:
        body["field"] = error.field
    if instance is not None:
        body["instance"] = instance
    return body


def cut(text: str, limit: int = FOREIGN_TEXT_LIMIT) -> str:
    """Another system's text, cut for logs and error bodies."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
