"""However a log is cut into chunks, its lines are the same."""

from __future__ import annotations

import random
import tracemalloc
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from log_streamer.lines.splitter import MAX_LINE, Splitter


def fed(splitter: Splitter, chunks: list[bytes]) -> list[bytes]:
    """The lines of all blocks, each of which must be whole."""
    lines: list[bytes] = []
    for chunk in chunks:
        if block := splitter.feed(chunk):
            assert block.endswith(b"\n")
            lines += block[:-1].split(b"\n")
    return lines


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.sampled_from([b"", b"a", b"\r", b"bc def", b"\xff\x00"])), st.lists(st.integers(0, 99)))
def test_any_chunking_gives_the_same_lines(lines: list[bytes], places: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    splitter = Splitter()
    assert fed(splitter, cut(data, places)) == lines
    assert splitter.end() == b""


def test_twenty_thousand_random_chunkings_of_long_and_short_lines_agree() -> None:
    rng = random.Random(1)
    data = b"".join(b"x" * rng.choice((0, 1, 7, 300)) + b"\n" for _ in range(40))
    expected = data[:-1].split(b"\n")
    for _ in range(20_000):
        places = [rng.randrange(len(data)) for _ in range(5)]
        assert fed(Splitter(), cut(data, places)) == expected


def test_the_end_of_the_log_ends_its_last_line() -> None:
    splitter = Splitter()
    assert splitter.feed(b"one\ntwo") == b"one\n"
    assert splitter.end() == b"two\n"
    assert splitter.end() == b""


def test_a_line_beyond_the_limit_is_bounded_and_the_next_one_is_whole() -> None:
    splitter = Splitter(limit=10)
    got = fed(splitter, [b"0123456", b"789abcdef", b"ghi", b"jkl\nnext\n"])
    assert got[0].startswith(b"0123456789")
    assert got[1:] == [b"next"]


def test_a_line_without_an_end_takes_no_more_memory_than_the_limit() -> None:
    splitter, chunk = Splitter(), b"x" * 65_536
    splitter.feed(chunk)
    tracemalloc.start()
    try:
        for _ in range(1000):
            splitter.feed(chunk)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX_LINE
    assert len(splitter.end()) == MAX_LINE + 1


def test_the_limit_holds_however_the_chunks_are_cut() -> None:
    rng = random.Random(2)
    data = b"a" * 5_000 + b"\n" + b"b" * 50 + b"\n" + b"c" * 3_000 + b"\n"
    for _ in range(2_000):
        chunks = cut(data, [rng.randrange(len(data)) for _ in range(8)])
        largest = max(map(len, chunks))
        for line, letter in zip(fed(Splitter(limit=100), chunks), b"abc", strict=True):
            assert line == bytes([letter]) * len(line)
            assert len(line) <= 100 + largest
