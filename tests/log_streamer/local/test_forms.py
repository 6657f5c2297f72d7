"""Files' bytes as lines with timestamps, whatever the cuts between reads."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from log_streamer.sources.local.forms import Cri, Form, Plain

FIRST = b"2026-11-21T00:00:00.000000000Z"

texts = st.binary(max_size=40).map(lambda text: text.replace(b"\n", b" "))
stamps = st.integers(0, 999_999).map(lambda micros: f"2026-11-21T02:11:29.{micros:06d}Z".encode())
plain_lines = st.one_of(
    texts,
    st.builds(lambda stamp, text: b"ts=" + stamp + b" " + text, stamps, texts),
    st.builds(lambda stamp, text: b'{"ts": "' + stamp + b'", "msg": "' + text + b'"}', stamps, texts),
    st.builds(lambda stamp, text: stamp + b" " + text, stamps, texts),
)


def fed(form: Form, data: bytes, cuts: list[int]) -> bytes:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    return b"".join([form.feed(piece) for piece in pieces]) + form.end()


@given(st.lists(plain_lines, max_size=30), st.lists(st.integers(0, 2000), max_size=8))
def test_plain_lines_are_the_same_however_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in lines)
    whole = fed(Plain(FIRST, None), data, [])
    assert fed(Plain(FIRST, None), data, cuts) == whole
    dated = whole.split(b"\n")[:-1]
    assert len(dated) == len(lines)
    for line, given_line in zip(dated, lines, strict=True):
        assert len(line.split(b" ")[0]) == 30
        assert given_line.endswith(line[31:])


@given(
    st.lists(st.tuples(st.sampled_from([b"stdout", b"stderr"]), texts, st.booleans()), max_size=30),
    st.lists(st.integers(0, 4000), max_size=8),
)
def test_lines_in_parts_become_whole_however_the_streams_are_mixed(
    parts: list[tuple[bytes, bytes, bool]], cuts: list[int]
) -> None:
    data, expected = b"", b""
    unfinished: dict[bytes, tuple[bytes, bytes]] = {}
    for number, (stream, text, full) in enumerate(parts):
        stamp = f"2026-11-21T02:11:29.{number:09d}Z".encode()
        data += b"%s %s %s %s\n" % (stamp, stream, b"F" if full else b"P", text)
        head, before = unfinished.pop(stream, (stamp, b""))
        if full:
            expected += b"%s %s %s\n" % (head, stream, before + text)
        else:
            unfinished[stream] = (head, before + text)
    for stream, (head, text) in sorted(unfinished.items()):
        expected += b"%s %s %s\n" % (head, stream, text)
    assert fed(Cri(None), data, cuts) == expected


def test_lines_without_a_time_get_that_of_the_line_before() -> None:
    log = b"first\nts=2026-11-21T02:11:29.5Z level=error msg=oops\nTraceback\n  at x\n"
    assert fed(Plain(FIRST, None), log, []).split(b"\n") == [
        FIRST + b" first",
        b"2026-11-21T02:11:29.500000000Z ts=2026-11-21T02:11:29.5Z level=error msg=oops",
        b"2026-11-21T02:11:29.500000000Z Traceback",
        b"2026-11-21T02:11:29.500000000Z   at x",
        b"",
    ]


def test_a_time_of_another_zone_is_told_in_utc_and_one_that_begins_a_line_is_not_repeated() -> None:
    log = b"2026-11-21T04:11:29+02:00 started\n"
    assert fed(Plain(FIRST, None), log, []) == b"2026-11-21T02:11:29.000000000Z started\n"


def test_since_leaves_out_each_older_line_also_after_newer_ones() -> None:
    log = b"".join(
        b"2026-11-21T02:11:%02d.000000000Z stdout F %d\n" % (second, second) for second in (1, 5, 2, 6)
    )
    assert [line[-1:] for line in fed(Cri(1795227065), log, []).split(b"\n")[:-1]] == [b"5", b"6"]


def test_a_file_without_line_ends_does_not_fill_the_memory() -> None:
    form = Plain(FIRST, None)
    block = b"x" * (1 << 20)
    lines = b"".join([form.feed(block) for _ in range(40)]) + form.end()
    assert lines.count(b"x") == 40 << 20
    assert lines.count(b"\n") == 3
