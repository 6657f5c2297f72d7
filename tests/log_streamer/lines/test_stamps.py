"""Timestamps in one form that sorts as bytes, from whatever form a runtime writes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.lines.stamps import (
    WIDTH,
    ZERO,
    nanos_of,
    split_stamp,
    stamp_of,
    stamp_of_nanos,
    stamp_of_time,
)

MOST_NANOS = (1 << 64) - 1


@pytest.mark.parametrize(
    ("line", "stamp", "text"),
    [
        (b"2026-11-21T02:11:29.636105921Z hello", b"2026-11-21T02:11:29.636105921Z", b"hello"),
        (b"2026-11-21T02:11:29.636105921Z", b"2026-11-21T02:11:29.636105921Z", b""),
        (b"2026-11-21T02:11:29.636105921Z ", b"2026-11-21T02:11:29.636105921Z", b""),
        (b"2026-11-21T02:11:29.636105921Z  two spaces", b"2026-11-21T02:11:29.636105921Z", b" two spaces"),
        (b"2026-11-21T02:11:29.6361Z a", b"2026-11-21T02:11:29.636100000Z", b"a"),
        (b"2026-11-21T02:11:29Z a", b"2026-11-21T02:11:29.000000000Z", b"a"),
        (b"2026-11-21t02:11:29z a", b"2026-11-21T02:11:29.000000000Z", b"a"),
        (b"2026-11-21 02:11:29,636Z a", b"2026-11-21T02:11:29.636000000Z", b"a"),
        (b"2026-11-21T02:11:29.6361059219999Z a", b"2026-11-21T02:11:29.636105921Z", b"a"),
        (b"2026-11-21T02:11:29.636105921+05:30 a", b"2026-11-20T20:41:29.636105921Z", b"a"),
        (b"2026-11-20T21:11:29.5-0500 a", b"2026-11-21T02:11:29.500000000Z", b"a"),
        (b"2026-12-31T23:30:00.000000001-01:00 a", b"2027-01-01T00:30:00.000000001Z", b"a"),
    ],
)
def test_a_timestamp_is_brought_into_the_one_form(line: bytes, stamp: bytes, text: bytes) -> None:
    assert split_stamp(line) == (stamp, text)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"failed to watch the file",
        b"2026-11-21 hello",
        b"2026-11-21T02:11:29 no zone",
        b"2026-11-21T02:11:29.5Zhello",
        b"2026-02-31T02:11:29+01:00 no such day",
        b" 2026-11-21T02:11:29Z indented",
        b'""""""""""T""""""""""""""""""Z only looks like one',
        b"2026-11-21T02:11:29.63610592\xffZ invalid bytes",
        b"abcdefghijTabcdefghijklmnopqrZ letters",
    ],
)
def test_what_is_no_timestamp_stays_text(line: bytes) -> None:
    assert split_stamp(line) == (None, line)


moments = st.integers(86_400, 16_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(moments, zones, st.integers(0, 9), st.integers(0, 999_999_999))
def test_any_zone_and_any_number_of_digits_name_the_same_moment_as_the_calendar(
    moment: datetime, zone: timezone, digits: int, nanos: int
) -> None:
    local = moment.replace(microsecond=0, tzinfo=zone)
    fraction = f"{nanos:09d}"[:digits]
    written = local.strftime("%Y-%m-%dT%H:%M:%S") + (f".{fraction}" if fraction else "")
    line = f"{written}{local.isoformat()[19:]} text".encode()
    expected = local.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{fraction.ljust(9, '0')}Z"
    assert split_stamp(line) == (expected.encode(), b"text")


@given(st.integers(0, MOST_NANOS))
def test_nanoseconds_make_the_round_trip(nanos: int) -> None:
    stamp = stamp_of_nanos(nanos)
    assert nanos_of(stamp) == nanos
    assert len(stamp) == WIDTH
    assert split_stamp(stamp + b" x") == (stamp, b"x")


@given(st.integers(0, MOST_NANOS), st.integers(0, MOST_NANOS))
def test_stamps_sort_as_the_moments_do(one: int, other: int) -> None:
    assert (stamp_of_nanos(one) < stamp_of_nanos(other)) == (one < other)


def test_what_64_bits_cannot_hold_is_brought_to_their_ends() -> None:
    assert nanos_of(ZERO) == 0
    assert nanos_of(b"1969-12-31T23:59:59.999999999Z") == 0
    assert nanos_of(b"9999-12-31T23:59:59.999999999Z") == MOST_NANOS
    assert nanos_of(b"2026-13-45T02:11:29.000000000Z") == 0


def test_zero_is_older_than_any_stamp() -> None:
    assert all(stamp_of(seconds) > ZERO for seconds in (-30_000_000_000, 0, 1_795_227_089))


def test_a_moment_in_seconds_keeps_its_fraction_as_far_as_a_float_does() -> None:
    assert stamp_of_time(1_795_227_089.5) == b"2026-11-21T02:11:29.500000000Z"
    assert stamp_of_time(0.0) == ZERO
