"""How a decided node went: what staged rollouts are judged by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from crossover.flags.model import Variant


@dataclass(frozen=True, slots=True)
class Outcome:
    """One side of one decided node. A shadowed node has two: legacy's and shadow's.

    Args:
        id: names node and side; told again, it replaces what was told before.
        side: legacy, or crossover, or shadow (the crossover run that does not count).
        duration: seconds.
        matches: for shadow: whether its outputs equal legacy's; None where that is not known.
    """

    id: str
    tenant: str
    flag: str
    side: Variant
    succeeded: bool
    duration: float
    at: datetime
    app: str | None = None
    connector: str | None = None
    environment: str | None = None
    matches: bool | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Outcomes of one side, counted. `median_duration` is seconds, None without any."""

    count: int = 0
    failed: int = 0
    median_duration: float | None = None
    compared: int = 0
    mismatched: int = 0
