"""What a rollout's gate says of the figures since a step began."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.flags.gate import Figures, Parity, Ruling, judge
from crossover.flags.model import Gate, PlanStep
from crossover.flags.outcome import Tally

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOTH = PlanStep(crossover=10, shadow=10)
CROSSOVER = PlanStep(crossover=10)
SHADOW = PlanStep(shadow=10)


def ruling(gate: Gate, figures: Figures, step: PlanStep = CROSSOVER) -> Ruling:
    return judge(gate, step, figures, NOW).ruling


def test_a_gate_that_asks_nothing_holds() -> None:
    assert ruling(Gate(), Figures()) is Ruling.HOLDS


@pytest.mark.parametrize(
    ("count", "failed", "expected"),
    [
        (0, 0, Ruling.WAITS),
        (19, 0, Ruling.WAITS),
        (20, 0, Ruling.HOLDS),
        (20, 2, Ruling.HOLDS),  # exactly the limit
        (20, 3, Ruling.BROKEN),
        (1000, 100, Ruling.HOLDS),
        (1000, 101, Ruling.BROKEN),
        (2, 2, Ruling.WAITS),  # 18 good ones may follow
        (3, 3, Ruling.BROKEN),  # nothing that follows makes this good
    ],
)
def test_the_failure_rate_needs_enough_outcomes_but_breaks_as_soon_as_it_must(
    count: int, failed: int, expected: Ruling
) -> None:
    gate = Gate(min_outcomes=20, max_failure_rate=0.1)
    assert ruling(gate, Figures(crossover=Tally(count, failed))) is expected


def test_failures_of_crossover_are_not_diluted_by_shadows_successes() -> None:
    gate = Gate(min_outcomes=10, max_failure_rate=0.1)
    figures = Figures(crossover=Tally(10, 5), shadow=Tally(10_000, 0))
    assert ruling(gate, figures, BOTH) is Ruling.BROKEN


def test_a_side_without_a_share_is_not_asked_about() -> None:
    gate = Gate(min_outcomes=10, max_failure_rate=0.1, max_mismatch_rate=0.0, max_duration_ratio=1.0)
    good, bad = Tally(10, 0, 5.0), Tally(10, 10, None, compared=10, mismatched=10)
    assert ruling(gate, Figures(crossover=good, shadow=bad, legacy=good), CROSSOVER) is Ruling.HOLDS
    assert ruling(gate, Figures(crossover=bad, shadow=Tally(10, 0, 9.0, 10)), SHADOW) is Ruling.HOLDS


def test_shadow_breaks_the_gate_by_outputs_that_differ() -> None:
    gate = Gate(min_outcomes=10, max_mismatch_rate=0.1)
    assert ruling(gate, Figures(shadow=Tally(30, 0, 1.0, compared=9)), SHADOW) is Ruling.WAITS
    assert ruling(gate, Figures(shadow=Tally(30, 0, 1.0, 20, 2)), SHADOW) is Ruling.HOLDS
    assert ruling(gate, Figures(shadow=Tally(30, 0, 1.0, 20, 3)), SHADOW) is Ruling.BROKEN


@pytest.mark.parametrize(
    ("crossover", "legacy", "expected"),
    [
        (Tally(20, 0, 15.0), Tally(20, 0, 10.0), Ruling.HOLDS),
        (Tally(20, 0, 15.1), Tally(20, 0, 10.0), Ruling.BROKEN),
        (Tally(20, 0, 1.0), Tally(19, 0, 10.0), Ruling.WAITS),
        (Tally(20, 0, 1.0), Tally(), Ruling.WAITS),
        (Tally(20, 1, 1.0), Tally(20, 0, 10.0), Ruling.WAITS),  # what failed has no duration to compare
        (Tally(20, 0, 0.0), Tally(20, 0, 0.0), Ruling.HOLDS),
    ],
)
def test_medians_are_compared_when_both_sides_have_enough_that_succeeded(
    crossover: Tally, legacy: Tally, expected: Ruling
) -> None:
    gate = Gate(min_outcomes=20, max_duration_ratio=1.5)
    assert ruling(gate, Figures(crossover=crossover, legacy=legacy)) is expected


@pytest.mark.parametrize(
    ("parity", "expected"),
    [
        (None, Ruling.WAITS),
        (Parity(None, "it cannot be read"), Ruling.WAITS),
        (Parity(True, "", NOW), Ruling.HOLDS),
        (Parity(True, "", NOW - timedelta(hours=24)), Ruling.HOLDS),
        (Parity(True, "", NOW - timedelta(hours=24, seconds=1)), Ruling.WAITS),
        (Parity(False, "", NOW - timedelta(hours=25)), Ruling.WAITS),
        (Parity(False, "7 rows differ", NOW - timedelta(hours=1)), Ruling.BROKEN),
        (Parity(True, "", NOW + timedelta(days=300)), Ruling.WAITS),  # it would never grow old
    ],
)
def test_a_parity_verdict_is_asked_for_by_name_and_must_be_of_today(
    parity: Parity | None, expected: Ruling
) -> None:
    assert ruling(Gate(parity="nightly"), Figures(parity=parity)) is expected


def test_the_sentence_names_the_figure_that_decided() -> None:
    gate = Gate(min_outcomes=4, max_failure_rate=0.25, parity="nightly")
    broken = Figures(crossover=Tally(4, 2), parity=Parity(False, "7 rows differ", NOW))
    assert judge(gate, CROSSOVER, broken, NOW).sentence == (
        "2 of 4 crossover's outcomes failed: more than 25.0%."
    )
    unread = Figures(crossover=Tally(4, 0), parity=Parity(None, "its server answers 500"))
    assert judge(gate, CROSSOVER, unread, NOW).sentence == (
        "The parity verdict nightly is missing: its server answers 500."
    )


counts = st.integers(0, 200)


@given(limit=st.floats(0, 1), needed=st.integers(0, 100), good=counts, bad=counts, more=st.integers(0, 500))
def test_what_is_broken_early_stays_broken_with_the_outcomes_still_needed(
    limit: float, needed: int, good: int, bad: int, more: int
) -> None:
    gate = Gate(min_outcomes=needed, max_failure_rate=limit)
    count = good + bad
    if ruling(gate, Figures(crossover=Tally(count, bad))) is Ruling.BROKEN:
        later = min(count + more, max(count, needed))
        assert ruling(gate, Figures(crossover=Tally(later, bad))) is Ruling.BROKEN


@given(limit=st.floats(0, 1), needed=st.integers(0, 100), good=counts, bad=counts)
def test_a_gate_holds_only_with_enough_outcomes_and_within_its_limit(
    limit: float, needed: int, good: int, bad: int
) -> None:
    gate, count = Gate(min_outcomes=needed, max_failure_rate=limit), good + bad
    holds = ruling(gate, Figures(crossover=Tally(count, bad))) is Ruling.HOLDS
    assert holds == (count >= needed and bad <= limit * count)
