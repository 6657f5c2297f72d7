"""Whether a rollout plan may go on: the gate's limits against the figures since its step began. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from crossover.flags.model import Gate, PlanStep
from crossover.flags.outcome import Tally

PARITY_LASTS = timedelta(hours=24)
"""A verdict older than this says nothing about what runs today."""

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far in the future a verdict may lie: its writer's clock is not ours."""


@dataclass(frozen=True, slots=True)
class Parity:
    """A parity verdict. `passed` is None where there is none to go by; `summary` then says why."""

    passed: bool | None
    summary: str
    at: datetime | None = None


NO_OUTCOMES = Tally()


@dataclass(frozen=True, slots=True)
class Figures:
    """Outcomes of each side since the step began, those that the plan's split may have decided."""

    crossover: Tally = NO_OUTCOMES
    shadow: Tally = NO_OUTCOMES
    legacy: Tally = NO_OUTCOMES
    parity: Parity | None = None


class Ruling(StrEnum):
    """What a gate says. `waits`: it can not tell yet."""

    HOLDS = "holds"
    WAITS = "waits"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A ruling, and one sentence with the figure that decided."""

    ruling: Ruling
    sentence: str


def judge(gate: Gate, step: PlanStep, figures: Figures, now: datetime) -> Verdict:
    """The worst of what the gate asks. A side without a share in `step` is not asked about."""
    verdicts = [*_failures(gate, step, figures), *_mismatches(gate, step, figures)]
    verdicts += [*_durations(gate, step, figures), *_parity(gate, figures, now)]
    for ruling in (Ruling.BROKEN, Ruling.WAITS):
        for verdict in verdicts:
            if verdict.ruling is ruling:
                return verdict
    return Verdict(Ruling.HOLDS, " ".join(each.sentence for each in verdicts) or "The gate asks nothing.")


def _failures(gate: Gate, step: PlanStep, figures: Figures) -> Iterator[Verdict]:
    if gate.max_failure_rate is None:
        return
    if step.crossover > 0:
        tally = figures.crossover
        yield _rate("crossover's outcomes failed", tally.failed, tally.count, gate.max_failure_rate, gate)
    if step.shadow > 0:
        tally = figures.shadow
        yield _rate("shadow's outcomes failed", tally.failed, tally.count, gate.max_failure_rate, gate)


def _mismatches(gate: Gate, step: PlanStep, figures: Figures) -> Iterator[Verdict]:
    if gate.max_mismatch_rate is not None and step.shadow > 0:
        tally, what = figures.shadow, "compared outcomes of shadow differ from legacy's"
        yield _rate(what, tally.mismatched, tally.compared, gate.max_mismatch_rate, gate)


def _rate(what: str, bad: int, count: int, limit: float, gate: Gate) -> Verdict:
    """Broken as soon as the rate would be too high even if all outcomes still needed were good."""
    told = f"{bad} of {count} {what}"
    if bad > limit * max(count, gate.min_outcomes):
        return Verdict(Ruling.BROKEN, f"{told}: more than {limit:.1%}.")
    if count < gate.min_outcomes:
        return Verdict(Ruling.WAITS, f"{told}: {gate.min_outcomes} are needed to tell.")
    return Verdict(Ruling.HOLDS, f"{told}.")


def _durations(gate: Gate, step: PlanStep, figures: Figures) -> Iterator[Verdict]:
    limit = gate.max_duration_ratio
    if limit is None or step.crossover == 0:
        return
    for side, tally in (("crossover", figures.crossover), ("legacy", figures.legacy)):
        succeeded = tally.count - tally.failed
        if succeeded < max(gate.min_outcomes, 1):
            needed = f"{max(gate.min_outcomes, 1)} are needed to compare durations"
            yield Verdict(Ruling.WAITS, f"{succeeded} of {side}'s outcomes succeeded: {needed}.")
            return
    ours, theirs = figures.crossover.median_duration or 0.0, figures.legacy.median_duration or 0.0
    told = f"crossover's median duration is {ours:.3g} s, legacy's {theirs:.3g} s"
    if ours > limit * theirs:
        yield Verdict(Ruling.BROKEN, f"{told}: more than {limit:g} times as long.")
    else:
        yield Verdict(Ruling.HOLDS, f"{told}.")


def _parity(gate: Gate, figures: Figures, now: datetime) -> Iterator[Verdict]:
    if gate.parity is None:
        return
    name, parity = f"parity verdict {gate.parity}", figures.parity
    if parity is None or parity.passed is None or parity.at is None:
        why = parity.summary if parity else "nobody has read it yet"
        yield Verdict(Ruling.WAITS, f"The {name} is missing: {why}.")
    elif not -CLOCKS_DIFFER <= now - parity.at <= PARITY_LASTS:
        yield Verdict(Ruling.WAITS, f"The {name} is of {parity.at.isoformat()}: one of today is needed.")
    elif parity.passed:
        yield Verdict(Ruling.HOLDS, f"The {name} is pass.")
    else:
        yield Verdict(Ruling.BROKEN, f"The {name} is fail: {parity.summary}")
