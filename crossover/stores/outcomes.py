"""How decided nodes went, kept for the gates of staged rollouts: the last ones of each flag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Protocol

from crossover.flags.model import Variant, When
from crossover.flags.outcome import Outcome, Tally

KEPT_PER_FLAG = 20_000
"""Outcomes; the oldest go first."""

KEPT_FOR = timedelta(days=30)


class Outcomes(Protocol):
    """Where outcomes are kept. Every call ends within its time limit and may be repeated; all raise
    StoreAway (crossover.stores.leases)."""

    async def add(self, outcome: Outcome) -> None:
        """Keeps it in place of an earlier one with its id."""
        ...

    async def tally(
        self, flag: str, side: Variant, since: datetime, when: When, unless: tuple[When, ...] = ()
    ) -> Tally:
        """The side's outcomes from `since` on whose context `when` takes, and none of `unless` does."""
        ...

    async def recent(self, tenant: str | None, flag: str, limit: int) -> list[Outcome]:
        """The last ones told, newest first: of one tenant, or of all for None."""
        ...

    async def aclose(self) -> None: ...


class LocalOutcomes:
    """Kept in this process, for one replica alone; gone when it ends."""

    def __init__(
        self,
        *,
        kept: int = KEPT_PER_FLAG,
        kept_for: timedelta = KEPT_FOR,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._kept = kept
        self._kept_for = kept_for
        self._clock = clock
        self._rows: defaultdict[str, dict[str, Outcome]] = defaultdict(dict)

    async def add(self, outcome: Outcome) -> None:
        self.keep(outcome)

    def keep(self, outcome: Outcome) -> None:
        rows = self._rows[outcome.flag]
        rows.pop(outcome.id, None)
        rows[outcome.id] = outcome
        while len(rows) > self._kept:
            del rows[next(iter(rows))]

    async def tally(
        self, flag: str, side: Variant, since: datetime, when: When, unless: tuple[When, ...] = ()
    ) -> Tally:
        since = max(since, self._clock() - self._kept_for)
        return tally_of(self._of(flag), side, since, when, unless)

    async def recent(self, tenant: str | None, flag: str, limit: int) -> list[Outcome]:
        oldest = self._clock() - self._kept_for
        newest_first = reversed(list(self._of(flag)))
        rows = [row for row in newest_first if tenant in (None, row.tenant) and row.at >= oldest]
        return rows[:limit]

    async def aclose(self) -> None:
        """Nothing is open."""

    def _of(self, flag: str) -> Iterable[Outcome]:
        return self._rows[flag].values() if flag in self._rows else ()


def tally_of(
    rows: Iterable[Outcome], side: Variant, since: datetime, when: When, unless: tuple[When, ...]
) -> Tally:
    """Counts. The median is over those that succeeded: failing early is not being fast."""
    counted = [
        row
        for row in rows
        if row.side is side
        and row.at >= since
        and _takes(when, row)
        and not any(_takes(each, row) for each in unless)
    ]
    durations = [row.duration for row in counted if row.succeeded]
    return Tally(
        count=len(counted),
        failed=len(counted) - len(durations),
        median_duration=median(durations) if durations else None,
        compared=sum(row.matches is not None for row in counted),
        mismatched=sum(row.matches is False for row in counted),
    )


def _takes(when: When, row: Outcome) -> bool:
    return (
        (not when.app or row.app in when.app)
        and (not when.connector or row.connector in when.connector)
        and (not when.environment or row.environment in when.environment)
    )
