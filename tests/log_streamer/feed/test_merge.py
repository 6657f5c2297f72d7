"""Many logs into one: nothing lost, nothing twice, each log's own order kept, and as sorted as they allow."""

from __future__ import annotations

import math
import random
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.feed.merge import Merge
from tests.log_streamer.feed.merging import STAMPS, Line, at, interleaving, line


def test_promises_hold_in_a_hundred_and_fifty_thousand_short_random_interleavings() -> None:
    rng = random.Random(5)
    handed_on = late = forced = 0
    for _ in range(150_000):
        checked = interleaving(rng, 12, sources=3, limit=rng.choice((3, 1000)))
        handed_on, late, forced = (
            handed_on + checked.handed_on,
            late + checked.late,
            forced + checked.forced,
        )
    assert handed_on > 600_000
    assert late > 1_000, "no lateness: the interleavings were too tame to mean anything"
    assert forced > 1_000


def test_promises_hold_in_long_ones() -> None:
    rng = random.Random(6)
    for _ in range(100):
        assert interleaving(rng, 3_000, sources=8, limit=rng.choice((20, 500, 10**9))).handed_on > 1_000


@given(st.randoms(use_true_random=False), st.integers(1, 40), st.integers(1, 4), st.integers(0, 5))
def test_promises_hold_in_interleavings_that_shrink(
    rng: random.Random, steps: int, sources: int, limit: int
) -> None:
    interleaving(rng, steps, sources=sources, limit=limit)


pasts = st.lists(st.lists(st.integers(0, 60).map(STAMPS.__getitem__)), min_size=1, max_size=5)


@given(pasts, st.randoms(use_true_random=False), st.booleans())
def test_with_an_endless_window_logs_in_order_come_out_in_exact_order(
    logs: list[list[bytes]], rng: random.Random, whole: bool
) -> None:
    """As a backlog pulls them: always from those that all others wait for."""
    rest = {number: deque(sorted(log)) for number, log in enumerate(logs)}
    merge: Merge[Line] = Merge(math.inf, 1 << 60)
    for number in rest:
        merge.open(number, 0.0)
        merge.settle(number)
    out: list[Line] = []
    while behind := merge.behind():
        for source in behind:
            assert isinstance(source, int)
            log = rest[source]
            count = len(log) if whole else rng.randint(1, 3)
            taken = [log.popleft() for _ in range(min(count, len(log)))]
            if taken:
                merge.push(source, [Line(source, 0, stamp) for stamp in taken], 0.0)
            else:
                merge.close(source)
        out += merge.release(0.0)
    assert [entry.stamp for entry in out] == sorted(stamp for log in logs for stamp in log)
    assert not any(entry.late for entry in out)


def released(merge: Merge[Line], now: float) -> list[tuple[int, bytes]]:
    return [(entry.source, entry.stamp) for entry in merge.release(now)]


def opened(*sources: int, window: float = 0.5, limit: int = 1000, catch_up: float = 5.0) -> Merge[Line]:
    merge: Merge[Line] = Merge(window, limit, catch_up)
    for source in sources:
        merge.open(source, 0.0)
        merge.settle(source)
    return merge


def test_a_single_log_waits_for_nobody() -> None:
    merge = opened(1)
    merge.push(1, [line(1, 5), line(1, 9)], 0.0)
    assert released(merge, 0.0) == [(1, at(5)), (1, at(9))]
    assert merge.due(0.0) is None


def test_a_line_waits_until_every_other_log_is_as_far() -> None:
    merge = opened(1, 2)
    merge.push(1, [line(1, 5)], 0.0)
    assert released(merge, 0.1) == []
    merge.push(2, [line(2, 3)], 0.1)
    assert released(merge, 0.1) == [(2, at(3))]
    merge.push(2, [line(2, 7)], 0.2)
    assert released(merge, 0.2) == [(1, at(5))]


def test_a_quiet_log_that_has_come_further_holds_up_nobody() -> None:
    merge = opened(1, 2)
    merge.push(1, [line(1, 5)], 0.0)
    merge.push(2, [], 0.0, upto=at(6))
    assert released(merge, 0.0) == [(1, at(5))]


def test_a_line_waits_no_longer_than_the_window() -> None:
    merge = opened(1, 2)
    merge.push(1, [line(1, 5)], 10.0)
    assert merge.due(10.0) == 10.5
    assert released(merge, 10.4) == []
    assert released(merge, 10.51) == [(1, at(5))]
    merge.push(2, [line(2, 3), line(2, 6)], 11.0)
    merge.release(12.0)
    assert merge.held == 0


def test_only_what_is_older_than_one_handed_on_before_is_late() -> None:
    merge = opened(1, 2, window=0.0)
    first, older, newer = line(1, 5), line(2, 3), line(2, 6)
    merge.push(1, [first], 0.0)
    assert merge.release(1.0) == [first]
    merge.push(2, [older, newer], 1.0)
    assert merge.release(2.0) == [older, newer]
    assert [first.late, older.late, newer.late] == [False, True, False]


def test_a_logs_own_disorder_is_kept_and_told() -> None:
    merge = opened(1)
    newer, older = line(1, 9), line(1, 5)
    merge.push(1, [newer, older], 0.0)
    assert merge.release(0.0) == [newer, older]
    assert (older.late, older.stamp) == (True, at(5))


def test_a_closed_log_holds_up_nobody_and_is_drained() -> None:
    merge = opened(1, 2)
    merge.push(1, [line(1, 5)], 0.0)
    merge.push(2, [line(2, 8)], 0.0)
    merge.close(1)
    assert released(merge, 0.0) == [(1, at(5)), (2, at(8))]
    assert merge.drained(1)
    assert not merge.drained(2)


def test_a_log_that_brings_its_past_holds_up_all_others_beyond_the_window() -> None:
    merge: Merge[Line] = Merge(0.5, 1000, catch_up=5.0)
    merge.open(1, 0.0)
    merge.settle(1)
    merge.open(2, 0.0)
    merge.push(1, [line(1, 5)], 0.0)
    assert merge.catching_up(4.0)
    assert merge.due(4.0) == 5.0
    assert released(merge, 4.0) == []
    merge.push(2, [line(2, 3)], 4.0)
    merge.settle(2)
    assert released(merge, 4.6) == [(2, at(3)), (1, at(5))]


def test_but_not_for_longer_than_the_catching_up_may_take() -> None:
    merge: Merge[Line] = Merge(0.5, 1000, catch_up=5.0)
    merge.open(1, 0.0)
    merge.open(2, 0.0)
    merge.push(1, [line(1, 5)], 0.0)
    assert not merge.catching_up(5.0)
    assert released(merge, 5.0) == [(1, at(5))]


def test_nobody_waits_for_a_log_that_is_aside() -> None:
    merge = opened(1)
    merge.open(2, 0.0, aside=True)
    merge.push(1, [line(1, 5)], 0.0)
    assert released(merge, 0.0) == [(1, at(5))]
    merge.push(2, [line(2, 4)], 0.0)
    merge.push(1, [line(1, 6)], 0.0)
    assert released(merge, 0.0) == [(2, at(4)), (1, at(6))]
    assert 2 not in merge.behind()


def test_what_is_aside_waits_for_the_others_within_the_window() -> None:
    merge = opened(1)
    merge.open(2, 0.0, aside=True)
    merge.push(2, [line(2, 8)], 0.0)
    assert released(merge, 0.1) == []
    assert released(merge, 0.6) == [(2, at(8))]


@pytest.mark.parametrize("limit", [0, 1, 10])
def test_beyond_the_limit_all_are_handed_on(limit: int) -> None:
    merge = opened(1, 2, window=math.inf, limit=limit)
    merge.push(1, [line(1, number) for number in range(limit)], 0.0)
    assert released(merge, 0.0) == []
    merge.push(1, [line(1, 100)], 0.0)
    assert len(released(merge, 0.0)) == limit + 1
    assert merge.held == 0


def test_equal_stamps_keep_the_order_of_each_log() -> None:
    merge = opened(1, 2)
    for number in range(5):
        merge.push(1, [Line(1, number, at(1))], 0.0)
        merge.push(2, [Line(2, number, at(1))], 0.0)
    out = merge.release(0.0)
    for source in (1, 2):
        assert [entry.number for entry in out if entry.source == source] == [0, 1, 2, 3, 4]
    assert not any(entry.late for entry in out)
