"""Cursors: short texts that any replica understands, and that nobody can break it with."""

from __future__ import annotations

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.feed.cursor import MAX_TEXT, Cursor, digest_of
from log_streamer.feed.filters import Filter
from log_streamer.feed.history import Floor
from log_streamer.feed.place import Place
from log_streamer.lines.positions import Position
from log_streamer.lines.stamps import stamp_of_nanos
from tests.log_streamer.lines.making import container, raw, records

SENTENCE = "is not a cursor of this service: leave it out to begin anew"
u64 = st.integers(0, (1 << 64) - 1)
u32 = st.integers(0, (1 << 32) - 1)
digests = st.binary(min_size=4, max_size=4)
cursors = st.builds(
    Cursor,
    seq=st.integers(0, 1 << 62),
    since=u64,
    positions=st.dictionaries(digests, st.builds(Position, u64.map(stamp_of_nanos), u32, u32), max_size=6),
    done=st.sets(digests, max_size=6),
)


@given(cursors)
def test_a_cursor_makes_the_round_trip(cursor: Cursor) -> None:
    text = cursor.encode()
    assert Cursor.decode(text) == cursor
    assert set(text) <= set(string.ascii_letters + string.digits + "-_")


def test_a_cursor_of_five_hundred_logs_fits_into_a_header() -> None:
    positions = {digest_of(f"pod/{n}"): Position(stamp_of_nanos(n), n, n) for n in range(500)}
    assert len(Cursor(1, 0, positions).encode()) < MAX_TEXT // 4


def test_the_same_position_costs_nothing_to_write_again_and_moves_are_seen() -> None:
    cursor = Cursor()
    before = cursor.encode()
    cursor.move({b"aaaa": Position(stamp_of_nanos(5), 7)})
    moved = cursor.encode()
    cursor.move({}, [b"aaaa"])
    assert len({before, moved, cursor.encode()}) == 3
    assert (cursor.positions, cursor.done) == ({}, {b"aaaa"})


def test_a_copy_goes_its_own_way() -> None:
    cursor = Cursor(1, 2, {b"aaaa": Position(stamp_of_nanos(5), 7)}, {b"bbbb"})
    copy = cursor.copy()
    copy.move({b"cccc": Position(stamp_of_nanos(6), 8)}, [b"aaaa"])
    assert (set(cursor.positions), cursor.done) == ({b"aaaa"}, {b"bbbb"})


@pytest.mark.parametrize("stamp", [b"9999-12-31T23:59:59.999999999Z", b"2026-99-99T99:99:99.999999999Z"])
def test_a_log_with_an_impossible_clock_does_not_break_its_viewers_cursor(stamp: bytes) -> None:
    cursor = Cursor(positions={b"aaaa": Position(stamp, 7)})
    assert Cursor.decode(cursor.encode()).positions[b"aaaa"].mark == 7


GOOD = Cursor(5, 6, {b"aaaa": Position(stamp_of_nanos(5), 7, 2)}, {b"bbbb"}).encode()


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "42", "null", "....", "é", "\ud800", " " + GOOD, GOOD + "!", GOOD + "AAAA", GOOD[:-4],
        "Ag" + GOOD[2:], "A" * 100, "_" * 40, "=" * 8, GOOD * 3, "A" * (MAX_TEXT + 1),
        Cursor(seq=(1 << 64) - 1).encode(), "\x00", "2026-11-21T02:11:29Z",
    ],
)  # fmt: skip
def test_what_is_no_cursor_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(ValueError) as raised:
        Cursor.decode(text)
    assert str(raised.value) == SENTENCE


def decoded(text: str) -> Cursor | None:
    """The cursor, or None for one that was refused in the right words."""
    try:
        return Cursor.decode(text)
    except ValueError as error:
        refusal = str(error)
    assert refusal == SENTENCE
    return None


@given(st.one_of(st.text(), st.text(string.ascii_letters + string.digits + "-_")))
def test_any_text_is_a_cursor_or_refused(text: str) -> None:
    cursor = decoded(text)
    assert cursor is None or Cursor.decode(cursor.encode()) == cursor


def test_a_mutated_cursor_is_refused_or_serves_like_any_other() -> None:
    rng = random.Random(15)
    alphabet = string.ascii_letters + string.digits + "-_"
    of = container()
    made = records(of, [raw(number, "x") for number in range(3)])
    good = Cursor(5, 6, {digest_of(of.key): Position(made[0].stamp, made[0].mark)}, {b"bbbb"}).encode()
    served = 0
    for _ in range(20_000):
        text = list(good)
        for _ in range(rng.randint(1, 4)):
            text[rng.randrange(len(text))] = rng.choice(alphabet)
        cursor = decoded("".join(text))
        if cursor is None:
            continue
        place = Place(cursor, Filter(), 10)
        floor = Floor({digest_of(of.key): Position(made[0].stamp, made[0].mark)}, {b"cccc"})
        place.missing(floor)
        place.enter(floor)
        frames = [*place.frames(made[1:], None, frozenset()), *place.flush()]
        assert all(Cursor.decode(frame.cursor) for frame in frames)
        served += 1
    assert served > 1_000
