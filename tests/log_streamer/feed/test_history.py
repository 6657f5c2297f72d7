"""What a feed remembers of what it handed on: bounded, numbered, and honest about what it let go of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from log_streamer.feed.cursor import digest_of
from log_streamer.feed.history import OVERHEAD, FeedEntry, History
from log_streamer.feed.notices import gap_notice
from log_streamer.lines.records import Record
from log_streamer.model import Reason
from tests.log_streamer.lines.making import container, record

DIGEST = digest_of("k")


def batch(*numbers: int) -> list[FeedEntry]:
    return [record(f"line {number}", number) for number in numbers]


def shown(history: History, number: int = 0) -> list[str]:
    entries = [entry for each in history.read(number) for entry in each.entries]
    return [entry.text for entry in entries if isinstance(entry, Record)]


def test_it_is_read_from_any_batch_on() -> None:
    history = History(100, 10**6)
    for numbers in ((1, 2), (3,), (4, 5)):
        history.append(batch(*numbers))
    assert shown(history, 1) == ["line 3", "line 4", "line 5"]
    assert [each.number for each in history.read(0)] == [0, 1, 2]
    assert history.read(3) == []
    assert [each.lines_before for each in history.read(0)] == [0, 2, 3]
    assert (history.first, history.end, history.lines) == (0, 3, 5)


def test_whole_batches_are_let_go_of_and_the_floor_tells_up_to_where() -> None:
    history = History(3, 10**6)
    for numbers in ((1, 2), (3,), (4, 5)):
        history.append(batch(*numbers))
    assert shown(history) == ["line 3", "line 4", "line 5"]
    assert (history.first, history.lines_before(history.first)) == (1, 2)
    two = record("line 2", 2)
    assert (history.floor.positions[DIGEST].stamp, history.floor.positions[DIGEST].mark) == (
        two.stamp,
        two.mark,
    )
    assert history.first_stamp == record("line 3", 3).stamp
    assert history.lines_before(history.end) == history.lines == 5


def test_bytes_are_bounded_too_but_the_newest_batch_stays() -> None:
    history = History(1000, 5 * OVERHEAD)
    for number in range(20):
        history.append(batch(number))
    assert 1 <= len(shown(history)) <= 5
    history.append(batch(*range(100, 150)))
    assert len(shown(history)) == 50


def test_a_log_that_is_over_is_so_in_the_floor_once_its_end_is_let_go_of() -> None:
    history = History(1, 10**6)
    history.append(batch(1))
    history.append([], frozenset({DIGEST}))
    assert history.floor.done == set()
    history.append([record("other", of=container("other"))])
    history.append([record("other", of=container("other"))])
    assert history.floor.done == {DIGEST}
    assert DIGEST not in history.floor.positions


def test_a_feed_of_nothing_but_notices_is_bounded_too() -> None:
    history = History(1000, 50 * OVERHEAD)
    for _ in range(200):
        history.append([gap_notice(Reason.AWAY, "away")])
    assert len(history.read(history.first)) <= 50


def test_notices_are_no_lines() -> None:
    history = History(1, 10**6)
    history.append([gap_notice(Reason.GONE, "gone", container=container())])
    assert (history.lines, history.end, history.first_stamp) == (0, 1, None)


@given(st.lists(st.integers(0, 4), max_size=30), st.integers(1, 10))
def test_memory_is_bounded_and_what_is_kept_is_the_newest(sizes: list[int], limit: int) -> None:
    history, handed_on = History(limit, 10**9), 0
    for size in sizes:
        history.append(batch(*range(handed_on, handed_on + size)))
        handed_on += size
        kept = shown(history, history.first)
        assert kept == [f"line {number}" for number in range(handed_on - len(kept), handed_on)]
        assert len(kept) <= max(limit, size)
        assert history.lines_before(history.first) == handed_on - len(kept)
        assert (DIGEST in history.floor.positions) == (handed_on > len(kept))
