"""The input of `ExtractMetadata`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STEPS = (
    "check_source",
    "list_schemas",
    "list_tables",
    "fetch_columns",
    "merge_parts",
    "process",
    "transform",
)
"""The activities, in order; `fail` may name each of them."""

MOST_PARTS = 200
"""Batches of one run, at most: each is three events of a history that may have 51,200."""


class InvalidRequest(ValueError):
    """The input cannot be worked on; trying again is useless."""


@dataclass(frozen=True)
class Failure:
    """A failure on request: the first `times` attempts of `activity` fail (of its first batch only)."""

    activity: str
    retryable: bool
    times: int


@dataclass(frozen=True)
class Request:
    """What to extract, and where to.

    Attributes:
        source: `sqlite:///path/to/file.db` or `postgresql://user@host/database`. Temporal keeps inputs
            in its history, so a password belongs into the worker's environment (PGPASSWORD) instead.
        output: directory for the results, which every worker must see.
        connection: name of the source in qualified names.
        batch: tables that one activity reads.
    """

    source: str
    output: str
    connection: str = "sample"
    batch: int = 250
    fail: Failure | None = None


def parse(values: Mapping[str, Any]) -> Request:
    """The request in a workflow's input; keys it does not know, such as the run's context, are ignored.

    Raises InvalidRequest with the field's name.
    """
    batch = values.get("batch", Request.batch)
    if not isinstance(batch, int) or isinstance(batch, bool) or not 1 <= batch <= 10_000:
        raise InvalidRequest("batch must be a whole number from 1 to 10000")
    return Request(
        source=_text(values, "source"),
        output=_text(values, "output"),
        connection=_text({"connection": Request.connection, **values}, "connection"),
        batch=batch,
        fail=_failure(values.get("fail")),
    )


def part_size(request: Request, tables: int) -> int:
    """Tables per batch: as asked, or more where that would make too many batches."""
    return max(request.batch, -(-tables // MOST_PARTS))


def _text(values: Mapping[str, Any], field: str) -> str:
    value = values.get(field)
    if not isinstance(value, str) or not value:
        raise InvalidRequest(f"{field} must be a non-empty string")
    return value


def _failure(values: Any) -> Failure | None:
    if values is None:
        return None
    if not isinstance(values, Mapping) or values.get("activity") not in STEPS:
        raise InvalidRequest(f"fail.activity must be one of {', '.join(STEPS)}")
    kind, times = values.get("kind", "retryable"), values.get("times", 1)
    if kind not in ("retryable", "non_retryable"):
        raise InvalidRequest("fail.kind must be retryable or non_retryable")
    if not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise InvalidRequest("fail.times must be a whole number from 1")
    return Failure(values["activity"], kind == "retryable", times)
