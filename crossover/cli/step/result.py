"""How one side of a node went: from what Argo says of it, or from its run's view. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crossover.cli.step.view import View

LARGEST = 64 * 1024
"""Bytes of outputs that are sent for comparison."""

PHASES = ("Succeeded", "Failed", "Error", "Skipped", "Omitted")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a side put out; `value` may be None, which is JSON's null."""

    value: Any


@dataclass(frozen=True, slots=True)
class Result:
    """How a side went; `duration` in seconds."""

    phase: str
    duration: float
    outputs: Outputs | None


def phase(value: str) -> str:
    """Raises ValueError for what is not the phase of a node that is over."""
    if value not in PHASES:
        raise ValueError("must be one of " + ", ".join(PHASES))
    return value


def moment(value: str) -> datetime:
    """A time as Argo writes it (RFC 3339). Raises ValueError."""
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("is no time: write, for example, 2026-01-31T12:00:00Z") from None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def outputs(text: str) -> Outputs:
    """The value of a JSON text; any other text is itself. Raises ValueError for one that is too long."""
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise ValueError(f"is longer than {LARGEST // 1024} KiB")
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        return Outputs(text)
    return Outputs(value)


def of_run(view: View) -> Result | None:
    """How a run went; None while it is open."""
    if view.exit_code is None:
        return None
    small = len(json.dumps(view.result).encode()) <= LARGEST
    found = Outputs(view.result) if view.succeeded and small else None
    return Result(view.phase, _duration(view.raw), found)


def _duration(raw: dict[str, Any]) -> float:
    try:
        return max(0.0, (moment(raw["closed_at"]) - moment(raw["started_at"])).total_seconds())
    except (KeyError, TypeError, ValueError):
        return 0.0
