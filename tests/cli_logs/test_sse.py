"""The parser of server-sent events: every stream, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.cli.logs.sse import LONGEST_EVENT, Event, Parser, TooLong


def parsed(*chunks: bytes) -> list[Event]:
    parser = Parser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [Event("message", "a", "")]),
        (b"data:a\n\n", [Event("message", "a", "")]),
        (b"data:  a\n\n", [Event("message", " a", "")]),
        (b"data: a\ndata: b\n\n", [Event("message", "a\nb", "")]),
        (b"event: log\ndata: a\nid: 1\n\ndata: b\n\n", [Event("log", "a", "1"), Event("message", "b", "1")]),
        (b"id: 1\ndata: a\n\nid\ndata: b\n\n", [Event("message", "a", "1"), Event("message", "b", "")]),
        (b"id: 1\n\ndata: a\n\n", [Event("message", "a", "1")]),
        (b"id: a\0b\ndata: a\n\n", [Event("message", "a", "")]),
        (b"event: log\n\ndata: a\n\n", [Event("message", "a", "")]),
        (b": heartbeat\n\n", []),
        (b"retry: 10\nfoo: bar\ndata\n\n", [Event("message", "", "")]),
        (b"data: a\r\rdata: b\r\n\r\n", [Event("message", "a", ""), Event("message", "b", "")]),
        (b"\xef\xbb\xbfdata: a\n\n", [Event("message", "a", "")]),
        (b"data: a", []),
        (b"data: a\n", []),
        ("data: a\u2028b\x85c\x0cd\x1ee\n\n".encode(), [Event("message", "a\u2028b\x85c\x0cd\x1ee", "")]),
        (b"data: \xff\n\n", [Event("message", "\N{REPLACEMENT CHARACTER}", "")]),
    ],
)
def test_a_stream_means_whole_and_byte_by_byte(stream: bytes, events: list[Event]) -> None:
    assert parsed(stream) == events
    assert parsed(*(stream[at : at + 1] for at in range(len(stream)))) == events


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)
_NAME = st.sampled_from(["log", "state", "gap", "end"])
_ID = _TEXT.filter(lambda text: "\0" not in text)
_EVENTS = st.lists(st.builds(Event, _NAME, st.lists(_TEXT, min_size=1).map("\n".join), _ID), max_size=8)


def framed(event: Event, ending: str, heartbeat: bool) -> bytes:
    lines = [f"event: {event.name}", *(f"data: {line}" for line in event.data.split("\n")), f"id: {event.id}"]
    lines += ["", ": heartbeat", ""] if heartbeat else [""]
    return "".join(line + ending for line in lines).encode()


@given(_EVENTS, st.lists(st.integers(1, 9), min_size=1), st.data())
def test_whatever_the_cuts_and_line_ends_every_event_arrives_once(
    events: list[Event], sizes: list[int], data: st.DataObject
) -> None:
    ending = st.sampled_from(["\n", "\r", "\r\n"])
    stream = b"".join(framed(event, data.draw(ending), data.draw(st.booleans())) for event in events)
    chunks, at, turn = [], 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        chunks.append(stream[at : at + size])
        at, turn = at + size, turn + 1
    assert parsed(*chunks) == events


@given(st.lists(st.binary(max_size=50)))
def test_no_bytes_at_all_break_it(chunks: list[bytes]) -> None:
    assert parsed(*chunks) == parsed(b"".join(chunks))


def test_an_endless_event_is_refused_before_it_fills_the_memory() -> None:
    line = b"data: " + b"x" * (8 * 1024 * 1024) + b"\n"
    for chunk in (line, line.strip()):  # many lines, or one
        with pytest.raises(TooLong):
            parsed(*([chunk] * (LONGEST_EVENT // len(chunk) + 3)))
