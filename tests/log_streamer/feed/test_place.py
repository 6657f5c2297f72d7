"""Where a viewer is: its frames, its last lines, and what memory let go of."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from log_streamer.feed.cursor import Cursor, digest_of
from log_streamer.feed.filters import Filter
from log_streamer.feed.frames import LogFrame, NoticeFrame
from log_streamer.feed.history import Floor, History
from log_streamer.feed.notices import gap_notice
from log_streamer.feed.place import Place
from log_streamer.lines.positions import Position
from log_streamer.lines.records import Record
from log_streamer.lines.secrets import compiled_grep
from log_streamer.lines.stamps import ZERO
from log_streamer.model import Reason
from tests.log_streamer.feed.logs import SECOND
from tests.log_streamer.feed.replicas import identity
from tests.log_streamer.lines.making import container, raw, record, records

# Batches and frames


def frames(place: Place, entries: Sequence[Record], *, known: bool = False) -> list[LogFrame | NoticeFrame]:
    history = History(10**6, 10**9)
    history.append(list(entries))
    (batch,) = history.read(0)
    return list(place.frames(batch.entries, batch.positions if known else None, frozenset()))


def numbers(made: Sequence[LogFrame | NoticeFrame]) -> list[tuple[int, list[str]]]:
    return [
        (frame.seq, [each.text for each in frame.records]) for frame in made if isinstance(frame, LogFrame)
    ]


TEN = records(container(), [raw(number, f"line {number}") for number in range(10)])


@pytest.mark.parametrize("known", [True, False])
def test_a_batch_is_one_frame_as_long_as_it_fits(known: bool) -> None:
    made = frames(Place(Cursor(), Filter(), 100), TEN, known=known)
    assert numbers(made) == [(1, [f"line {number}" for number in range(10)])]


@pytest.mark.parametrize("known", [True, False])
def test_a_frame_has_no_more_records_than_asked_for(known: bool) -> None:
    made = frames(Place(Cursor(), Filter(), 100, frame=4), TEN, known=known)
    assert [(seq, len(texts)) for seq, texts in numbers(made)] == [(1, 4), (5, 4), (9, 2)]


def test_one_record_per_frame_gives_each_its_own_cursor() -> None:
    made = frames(Place(Cursor(), Filter(), 100, frame=1), TEN, known=True)
    assert [seq for seq, _ in numbers(made)] == list(range(1, 11))
    for number, frame in enumerate(made):
        place = Place(Cursor.decode(frame.cursor), Filter(), 100)
        place.enter(Floor())
        rest = numbers(frames(place, TEN))
        assert rest == ([(number + 2, [each.text for each in TEN[number + 1 :]])] if number < 9 else [])


@pytest.mark.parametrize("frame", [1, 3, 1000])
@pytest.mark.parametrize("room", [1, 3, 9, 10, 11])
def test_the_line_cap_is_exact_and_the_cursor_goes_on_after_it(room: int, frame: int) -> None:
    place = Place(Cursor(), Filter(), room, frame=frame)
    made = frames(place, TEN, known=True)
    assert sum(len(texts) for _, texts in numbers(made)) == place.sent == min(room, 10)
    assert place.full == (room <= 10)
    again = Place(Cursor.decode(made[-1].cursor), Filter(), 100)
    again.enter(Floor())
    rest = frames(again, TEN)
    assert [text for _, texts in numbers(rest) for text in texts] == [each.text for each in TEN[room:]]
    assert all(seq == room + 1 for seq, _ in numbers(rest))


def test_the_line_cap_counts_what_the_viewer_gets_not_what_it_filters_out() -> None:
    place = Place(Cursor(), Filter(grep=compiled_grep("[02468]$")), 3)
    made = frames(place, TEN, known=True)
    assert numbers(made) == [(1, ["line 0", "line 2", "line 4"])]
    again = Place(Cursor.decode(made[-1].cursor), Filter(), 100)
    again.enter(Floor())
    assert numbers(frames(again, TEN)) == [(4, [f"line {number}" for number in range(5, 10)])]


@pytest.mark.parametrize("frame", [1, 4, 1000])
@pytest.mark.parametrize("count", [0, 1, 4, 10, 20])
def test_a_tail_leaves_out_all_but_the_last(count: int, frame: int) -> None:
    place = Place(Cursor(), Filter(), 100, frame=frame)
    place.tail(TEN, count)
    made = frames(place, TEN, known=True)
    texts = [text for _, texts in numbers(made) for text in texts]
    assert texts == [each.text for each in TEN][10 - min(count, 10) :]
    assert [seq for seq, _ in numbers(made)][:1] == ([1] if count else [])
    assert numbers(frames(place, [record("new", SECOND)])) == [(len(texts) + 1, ["new"])]


def test_a_tail_counts_only_what_the_viewer_wants() -> None:
    place = Place(Cursor(), Filter(grep=compiled_grep("[02468]$")), 100)
    place.tail(TEN, 2)
    assert numbers(frames(place, TEN)) == [(1, ["line 6", "line 8"])]


def test_a_tail_and_the_cap_go_together() -> None:
    place = Place(Cursor(), Filter(), 2)
    place.tail(TEN, 3)
    assert numbers(frames(place, TEN)) == [(1, ["line 7", "line 8"])]
    assert place.full


# What memory let go of

K = digest_of("k")


def at(number: int) -> Position:
    """Of a log whose lines lie so far apart that their timestamps tell their order."""
    line = record("x", 10 * number * SECOND // 7)
    return Position(line.stamp, line.mark)


NEAR = Position(record("y", 30 * SECOND // 7 + 5).stamp, 5)
"""So near to `at(3)` that the order of the two in their log is not known."""


@pytest.mark.parametrize(
    ("cursor", "floor", "missing"),
    [
        (Cursor(), Floor(), {}),
        (Cursor(), Floor({K: at(3)}), {K: at(3)}),
        (Cursor(positions={K: at(2)}), Floor({K: at(3)}), {K: at(3)}),
        (Cursor(positions={K: at(3)}), Floor({K: at(3)}), {}),
        (Cursor(positions={K: at(4)}), Floor({K: at(3)}), {}),
        (Cursor(done={K}), Floor({K: at(3)}), {}),
        (Cursor(done={K}), Floor({}, {K}), {}),
        (Cursor(positions={K: at(2)}), Floor({}, {K}), {K: None}),
        (Cursor(positions={K: NEAR}), Floor({K: at(3)}), {K: at(3)}),
        (Cursor(positions={K: at(3)}), Floor({K: NEAR}), {K: NEAR}),
        (Cursor(since=1 << 63), Floor({K: at(3)}), {}),
        (Cursor(since=1), Floor({K: at(3)}), {K: at(3)}),
    ],
)
def test_what_must_be_read_from_the_logs_is_what_memory_let_go_of_and_the_viewer_lacks(
    cursor: Cursor, floor: Floor, missing: dict[bytes, Position | None]
) -> None:
    place = Place(cursor, Filter(), 10)
    assert place.missing(floor) == missing
    assert place.covered_by(floor) == (not missing)
    place.leave_past(floor)
    assert place.covered_by(floor)


def test_leaving_the_past_never_takes_a_viewer_back() -> None:
    """Its other replica had handed on more of one log, and less of another."""
    other = digest_of("other")
    place = Place(Cursor(positions={K: at(5), other: at(1)}), Filter(), 10)
    place.leave_past(Floor({K: at(3), other: at(4)}))
    assert place.cursor.positions == {K: at(5), other: at(4)}


def test_where_the_order_is_not_known_it_stays_to_look_for_its_line_in_memory() -> None:
    place = Place(Cursor(positions={K: NEAR}), Filter(), 10)
    place.leave_past(Floor({K: at(3)}))
    assert place.cursor.positions == {K: NEAR}


def test_a_log_that_was_got_whole_is_not_told_again_when_a_replica_reads_it_anew() -> None:
    place = Place(Cursor(done={K}), Filter(), 100)
    place.enter(Floor())
    other = record("other", of=container("other"))
    assert numbers(list(place.frames([*TEN[:5], other], None, frozenset()))) == [(1, ["other"])]
    assert list(place.frames(TEN[5:], None, frozenset({K}))) == []


def test_a_line_that_is_not_found_again_is_a_gap_before_what_is_newer() -> None:
    place = Place(Cursor(positions={K: Position(TEN[0].stamp, 77)}), Filter(), 100)
    place.enter(Floor())
    later = [record("a", SECOND // 2), record("b", 3 * SECOND), record("c", 4 * SECOND)]
    made = list(place.frames(later, None, frozenset()))
    assert isinstance(made[0], NoticeFrame)
    assert made[0].notice.data["reason"] == "rotated"
    assert numbers(made) == [(1, ["a", "b", "c"])]


def test_what_is_held_back_for_such_a_line_comes_at_the_end_after_a_gap() -> None:
    place = Place(Cursor(positions={K: Position(TEN[0].stamp, 77)}), Filter(), 100)
    place.enter(Floor())
    assert list(place.frames([record("a", SECOND // 2)], None, frozenset())) == []
    gap, lines = place.flush()
    assert isinstance(gap, NoticeFrame)
    assert gap.notice.event == "gap"
    assert numbers([lines]) == [(1, ["a"])]
    assert list(place.flush()) == []


def test_a_gap_that_was_told_before_is_not_told_again_but_a_newer_one_is() -> None:
    place = Place(Cursor(positions={K: Position(TEN[5].stamp, TEN[5].mark)}), Filter(), 100)
    place.enter(Floor())
    old, new = (
        gap_notice(Reason.AWAY, "away", since=TEN[number].stamp, container=container()) for number in (2, 8)
    )
    unknown = gap_notice(Reason.GONE, "gone", container=container("other"))
    made = [*place.frames([old, new, unknown], None, frozenset())]
    assert [frame.notice for frame in made if isinstance(frame, NoticeFrame)] == [new, unknown]


def test_notices_stand_where_they_happened() -> None:
    gap = gap_notice(Reason.AWAY, "away", since=TEN[2].stamp)
    for known in ({K: Position(TEN[4].stamp, TEN[4].mark)}, None):
        made = list(Place(Cursor(), Filter(), 100).frames([*TEN[:2], gap, *TEN[2:5]], known, frozenset()))
        assert [isinstance(frame, NoticeFrame) for frame in made] == [False, True, False]
        assert [seq for seq, _ in numbers(made)] == [1, 3]


def test_what_is_passed_by_can_be_emitted_later_in_frames() -> None:
    place = Place(Cursor(), Filter(grep=compiled_grep("[02468]$")), 100, frame=2)
    wanted = place.pass_by(TEN)
    assert place.cursor.positions[K] == Position(TEN[9].stamp, TEN[9].mark)
    assert place.cursor.seq == 0
    assert numbers(list(place.emit(wanted[-3:]))) == [(1, ["line 4", "line 6"]), (3, ["line 8"])]


def test_the_last_stamp_is_that_of_the_last_record_that_was_sent() -> None:
    place = Place(Cursor(), Filter(grep=compiled_grep("[02468]$")), 100)
    assert place.last_stamp is None
    frames(place, TEN)
    assert place.last_stamp == TEN[8].stamp
    assert identity(TEN[8]).startswith(place.last_stamp)
    assert place.last_stamp > ZERO
