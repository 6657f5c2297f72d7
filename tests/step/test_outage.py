"""How long a step puts up with a bridge that is away. Pure: the clock is an argument."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.cli.step.outage import LONGEST_PAUSE, LONGEST_RETRY_AFTER, Outage, OutageTooLong


def most() -> float:
    return 1.0


def test_pauses_double_up_to_the_longest() -> None:
    outage = Outage(600, jitter=most)
    assert [outage.failed(0, "x") for _ in range(8)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10])


@given(st.floats(0, 1, exclude_max=True))
def test_pauses_are_jittered_over_their_whole_length(share: float) -> None:
    assert Outage(600, jitter=lambda: share).failed(0, "x") == pytest.approx(0.2 * share)


def test_the_server_may_ask_for_patience_within_bounds() -> None:
    outage = Outage(600, jitter=lambda: 0.0)
    assert outage.failed(0, "busy", retry_after=5) == 5
    assert outage.failed(5, "busy", retry_after=86400) == LONGEST_RETRY_AFTER


def test_the_budget_runs_from_the_first_failure_after_the_last_success() -> None:
    outage = Outage(60, jitter=most)
    outage.failed(0, "x")
    outage.failed(59, "x")
    assert outage.ended(59) == 59
    outage.failed(100, "x")
    outage.failed(159, "x")
    with pytest.raises(OutageTooLong, match="refused"):
        outage.failed(160, "refused")


def test_after_a_success_pauses_begin_small_again() -> None:
    outage = Outage(600, jitter=most)
    for _ in range(9):
        outage.failed(0, "x")
    outage.ended(1)
    assert outage.failed(2, "x") == pytest.approx(0.2)
    assert Outage(1).ended(5) is None


def test_without_a_budget_the_first_failure_is_the_last() -> None:
    with pytest.raises(OutageTooLong):
        Outage(0).failed(0, "x")


def test_an_end_counts_also_without_an_outage() -> None:
    outage = Outage(10, until=100.0)
    assert outage.limit(95, 30) == 5
    with pytest.raises(OutageTooLong):
        outage.failed(100, "no answer")


def test_a_long_outage_is_mentioned_once_a_minute() -> None:
    outage = Outage(600)
    outage.failed(0, "x")
    due = [second for second in range(1, 200) if outage.due(second)]
    assert due == [60, 120, 180]
    outage.ended(200)
    assert not outage.due(1000)


@given(st.lists(st.tuples(st.floats(0, 60), st.none() | st.floats(0, 1e6)), max_size=60))
def test_no_pause_outlasts_the_budget(failures: list[tuple[float, float | None]]) -> None:
    outage, now = Outage(60), 0.0
    try:
        for took, retry_after in failures:
            now += took
            pause = outage.failed(now, "x", retry_after)
            assert 0 <= pause <= min(LONGEST_RETRY_AFTER + LONGEST_PAUSE, 60)
            now += pause
            began = outage.began
            assert began is not None
            assert now <= began + 60 + 1e-6
    except OutageTooLong:
        assert outage.began is not None
        assert now >= outage.began + 60
