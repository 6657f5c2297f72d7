"""A log that is read again goes on exactly where it was left, or says that this cannot be proven."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.feed.tracker import Tracker
from log_streamer.lines.positions import (
    Position,
    Resume,
    Until,
    position_after,
    resume_lines,
    resume_records,
    stamp_of_line,
    until_line,
)
from log_streamer.lines.stamps import ZERO
from tests.log_streamer.feed.logs import (
    SECOND,
    LogMaker,
    block_of,
    coarse,
    ordered,
    pieces,
    read_again,
    set_back,
    two_streams,
)
from tests.log_streamer.lines.making import container, raw, records

FAITHFUL = pytest.mark.parametrize("make", [coarse, two_streams, ordered])


def position_of(rng: random.Random, lines: Sequence[bytes]) -> Position | None:
    """The position after `lines` that came in blocks cut anywhere."""
    position = None
    for piece in pieces(rng, lines):
        if piece:
            position = position_after(block_of(piece), position)
    return position


def resumed(
    rng: random.Random, log: Sequence[bytes], position: Position
) -> tuple[list[bytes], Resume[bytes]]:
    resume = resume_lines(position)
    got = [line for piece in pieces(rng, read_again(log, position.since)) for line in resume.take(piece)]
    return got + ([] if resume.over else resume.give_up()), resume


def ended(rng: random.Random, log: Sequence[bytes], position: Position) -> tuple[list[bytes], Until[bytes]]:
    until = until_line(position)
    return [line for piece in pieces(rng, log) for line in until.take(piece)], until


@FAITHFUL
def test_a_log_read_again_from_any_position_gives_exactly_the_rest(make: LogMaker) -> None:
    rng = random.Random(7)
    for _ in range(6_000):
        log = make(rng, rng.randint(1, 30))
        at = rng.randint(1, len(log))
        position = position_of(rng, log[:at])
        assert position is not None
        got, resume = resumed(rng, log, position)
        assert (got, resume.proven) == (log[at:], True)


@FAITHFUL
@given(rng=st.randoms(use_true_random=False), size=st.integers(1, 12), data=st.data())
def test_also_in_logs_that_shrink(make: LogMaker, rng: random.Random, size: int, data: st.DataObject) -> None:
    log = make(rng, size)
    at = data.draw(st.integers(1, size))
    position = position_of(rng, log[:at])
    assert position is not None
    assert resumed(rng, log, position)[0] == log[at:]
    assert ended(rng, log, position)[0] == log[:at]


@FAITHFUL
def test_a_log_read_up_to_any_position_ends_exactly_there(make: LogMaker) -> None:
    rng = random.Random(8)
    for _ in range(6_000):
        log = make(rng, rng.randint(1, 30))
        at = rng.randint(1, len(log))
        position = position_of(rng, log[:at])
        assert position is not None
        got, until = ended(rng, log, position)
        assert (got, until.over, until.proven) == (log[:at], True, True)


def test_a_rotated_log_gives_exactly_the_rest_or_no_proof() -> None:
    """And where there is no proof, at least all that is newer than the position."""
    rng = random.Random(9)
    proven = unproven = 0
    for _ in range(10_000):
        log = [line + b" %d" % n for n, line in enumerate(rng.choice((coarse, two_streams))(rng, 20))]
        at = rng.randint(1, len(log))
        position = position_of(rng, log[:at])
        assert position is not None
        kept = log[rng.randint(0, len(log)) :]
        got, resume = resumed(rng, kept, position)
        if resume.proven:
            proven += 1
            assert got == log[at:]
        else:
            unproven += 1
            newer = [line for line in kept if (stamp_of_line(line) or b"") > position.stamp]
            assert [line for line in got if line in newer] == newer
    assert min(proven, unproven) > 1_000


def test_a_log_whose_clock_was_set_back_gives_exactly_the_rest_or_no_proof() -> None:
    rng = random.Random(10)
    proven = unproven = 0
    for _ in range(10_000):
        log = set_back(rng, rng.randint(1, 20))
        at = rng.randint(1, len(log))
        position = position_of(rng, log[:at])
        assert position is not None
        got, resume = resumed(rng, log, position)
        if resume.proven:
            proven += 1
            assert got == [line for line in log[at:] if line in read_again(log, position.since)]
        else:
            unproven += 1
        got, until = ended(rng, log, position)
        if until.proven:
            assert got == log[:at]
    assert min(proven, unproven) > 1_000


def test_an_until_without_proof_hands_on_nothing_newer() -> None:
    rng = random.Random(11)
    unproven = 0
    for _ in range(3_000):
        log = two_streams(rng, 20)
        at = rng.randint(1, len(log))
        position = position_of(rng, log[:at])
        assert position is not None
        without = [*log[: at - 1], *log[at:]]
        got, until = ended(rng, without, position)
        assert not until.proven
        assert all((stamp_of_line(line) or b"") <= position.stamp for line in got)
        unproven += until.over
    assert unproven > 1_000


def test_a_position_is_the_same_however_its_lines_came() -> None:
    rng = random.Random(12)
    for _ in range(3_000):
        log = rng.choice((coarse, two_streams, ordered))(rng, rng.randint(1, 30))
        one_by_one = None
        for line in log:
            one_by_one = position_after(block_of([line]), one_by_one)
        assert position_of(rng, log) == one_by_one == position_after(block_of(log), None)


def test_the_tracker_of_records_has_the_position_of_their_lines() -> None:
    rng = random.Random(13)
    for _ in range(1_000):
        log = rng.choice((coarse, two_streams))(rng, rng.randint(1, 20))
        tracker, of = Tracker({}), container()
        moved = [tracker.advance(records(of, piece)) for piece in pieces(rng, log) if piece]
        assert [*moved[-1].values()] == [position_of(rng, log)]


def test_records_are_passed_over_as_their_lines_are() -> None:
    rng = random.Random(14)
    for _ in range(1_000):
        log = rng.choice((coarse, two_streams))(rng, rng.randint(1, 20))
        at = rng.randint(1, len(log))
        position = position_of(rng, log[:at])
        assert position is not None
        made = records(container(), log)
        resume = resume_records(position)
        assert [one for record in made for one in resume.take([record])] == made[at:]


def test_lines_alike_with_one_timestamp_are_told_apart() -> None:
    log = [raw(0, text) for text in ("A", "B", "A", "C", "A")]
    for at in range(1, 6):
        position = position_after(block_of(log[:at]), None)
        assert position is not None
        assert resume_lines(position).take(log) == log[at:]


def test_the_kubelets_own_troubles_are_no_position_and_are_not_waited_for() -> None:
    log = [raw(number * SECOND, "x") for number in range(4)]
    trouble = b"failed to watch the file: too many open files"
    position = position_after(block_of([*log[:2], trouble]), None)
    assert position == position_after(block_of(log[:2]), None)
    assert position_after(block_of([trouble]), position) == position
    assert position_after(block_of([trouble]), None) is None
    assert position is not None
    assert resume_lines(position).take(log) == log[2:]
    assert resume_lines(position).take([log[0], trouble, *log[1:]]) == log[2:]


def test_a_record_of_such_a_line_is_found_where_it_is_still_remembered() -> None:
    made = records(container(), [raw(0, "x"), b"failed to watch", raw(SECOND, "y")])
    (position,) = Tracker({}).advance(made[:2]).values()
    assert resume_records(position).take(made) == made[2:]


def test_a_log_is_read_again_from_the_second_before() -> None:
    assert Position(raw(SECOND // 2, "")[:30], 1).since == 1_795_227_088
    assert Position(ZERO, 1).since == 0


def test_nothing_newer_leaves_a_resume_waiting_until_it_is_given_up() -> None:
    resume = resume_lines(Position(raw(0, "")[:30], 1))
    held = [raw(SECOND // 2, "a"), raw(SECOND // 4, "b")]
    assert resume.take(held) == []
    assert not resume.over
    assert resume.give_up() == held
    assert (resume.over, resume.proven) == (True, False)
    assert resume.take([raw(1, "c")]) == [raw(1, "c")]


def test_a_line_much_newer_ends_the_waiting() -> None:
    resume = resume_lines(Position(raw(0, "")[:30], 1))
    lines = [raw(SECOND // 2, "a"), raw(2 * SECOND, "b"), raw(3 * SECOND, "c")]
    assert resume.take(lines) == lines
    assert (resume.over, resume.proven) == (True, False)
