"""Frames as bytes: each format is read back by a reader that knows nothing of how it was written."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.api.formats import (
    COME_BACK,
    STAY_AWAY,
    Compression,
    accepted_compression,
    encoder,
    ndjson,
    sse,
    sse_single,
    text,
)
from log_streamer.api.parameters import Format
from log_streamer.feed.frames import EndFrame, EndReason, Frame, Heartbeat, LogFrame, NoticeFrame
from log_streamer.feed.notices import gap_notice, state_notice
from log_streamer.lines.records import Record
from log_streamer.model import Kind, Node, Reason, SourceName, State
from tests.log_streamer.api.sse_reader import Event, Reader
from tests.log_streamer.lines.making import NODE, container, raw, record, records

CURSOR = "AQAB-_"
STATE = State(Kind.NODE, "n-1", "extract", "Failed", "2026-11-21T02:11:29Z", "exit 1", node=NODE, attempt=2)
END = EndFrame(EndReason.LINE_CAP, 20, CURSOR, "20 lines are the most.", "Failed", "MAX_LINES")
GAP = NoticeFrame(gap_notice(Reason.ROTATED, "Lines may be missing.", container=container(), lost=3), CURSOR)
FRAMES: list[Frame] = [
    LogFrame([record("a"), record("b")], 5, CURSOR),
    NoticeFrame(state_notice(STATE), CURSOR),
    GAP,
    Heartbeat(),
    END,
]


def log(*texts: str | bytes, seq: int = 1) -> LogFrame:
    return LogFrame(records(container(), [raw(n, each) for n, each in enumerate(texts)]), seq, CURSOR)


def dicts(of: Sequence[Record], seq: int) -> list[dict[str, Any]]:
    return [each.to_dict() | {"seq": number} for number, each in enumerate(of, seq)]


# Server-sent events


def test_records_are_one_event_with_a_list_and_the_cursor_as_its_id() -> None:
    frame = log("a", "b", seq=7)
    (event,) = Reader(sse(frame)).events
    assert (event.event, event.id) == ("log", CURSOR)
    assert json.loads(event.data) == dicts(frame.records, 7)


def test_one_record_per_event_is_no_list() -> None:
    frame = log("a", seq=7)
    (event,) = Reader(sse_single(frame)).events
    assert (event.event, event.id, json.loads(event.data)) == ("log", CURSOR, dicts(frame.records, 7)[0])
    assert [sse_single(each) for each in FRAMES[1:]] == [sse(each) for each in FRAMES[1:]]


def test_states_gaps_and_the_end_are_events_of_their_own() -> None:
    state, gap, end = (Reader(sse(FRAMES[number])).events[0] for number in (1, 2, 4))
    assert (state.event, gap.event, end.event) == ("state", "gap", "end")
    assert json.loads(state.data) == {
        "kind": "node",
        "id": "n-1",
        "name": "extract",
        "phase": "Failed",
        "ts": "2026-11-21T02:11:29Z",
        "message": "exit 1",
        "node": {"id": NODE.id, "name": NODE.name},
        "attempt": 2,
    }
    assert json.loads(gap.data) == {
        "source": "argo",
        "pod": "pod-k",
        "container": "main",
        "from": None,
        "to": None,
        "lost": 3,
        "reason": "rotated",
        "detail": "Lines may be missing.",
    }
    assert json.loads(end.data) == {
        "reason": "line_cap",
        "lines": 20,
        "cursor": CURSOR,
        "phase": "Failed",
        "limit": "MAX_LINES",
        "detail": "20 lines are the most.",
    }
    assert {state.id, gap.id, end.id} == {CURSOR}


def test_a_heartbeat_is_a_comment_and_no_event() -> None:
    reader = Reader(sse(Heartbeat()))
    assert (reader.comments, reader.events) == (["heartbeat"], [])


@pytest.mark.parametrize("reason", list(EndReason))
def test_after_the_end_a_client_stays_away_but_after_a_shutdown_it_comes_back(reason: EndReason) -> None:
    reader = Reader(sse(EndFrame(reason, 1, CURSOR, "x")))
    assert reader.retry == (COME_BACK if reason is EndReason.SHUTDOWN else STAY_AWAY)


HOSTILE = [
    "a\rdata: forged", "\r\r", "x\u2028y", "id: 1", "data: x", ": comment", "event: end", "\x00", "\\n", '"',
    "\x85",     "{}", "\x1b[2J", "\ufeff", "é\U0001f600",
]  # fmt: skip
hostile_names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=10)


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"])))))
def test_no_line_can_break_out_of_its_event(texts: list[str]) -> None:
    frame = log(*(each.replace("\n", "") for each in texts))
    if not texts:
        return
    written = sse(frame)
    data = [line for line in written.split(b"\n") if line.startswith(b"data: ")]
    assert len(data) == 1
    assert b"\r" not in written
    (event,) = Reader(written).events
    assert json.loads(event.data) == dicts(frame.records, 1)
    assert [json.loads(line)["msg"] for line in ndjson(frame).splitlines()] == [
        each.text for each in frame.records
    ]


@given(hostile_names, hostile_names, hostile_names)
def test_nor_can_a_state_or_a_gap(name: str, message: str, detail: str) -> None:
    state = State(Kind.RUN, "r", name, "Failed", "2026-11-21T02:11:29Z", message, node=Node("i", name))
    notices = [state_notice(state), gap_notice(Reason.AWAY, detail)]
    written = b"".join(sse(NoticeFrame(notice, CURSOR)) for notice in notices)
    events = Reader(written).events
    assert [json.loads(each.data) for each in events] == [notice.data for notice in notices]
    lines = [json.loads(ndjson(NoticeFrame(notice, CURSOR))) for notice in notices]
    assert [line.pop("event") for line in lines] == ["state", "gap"]
    assert lines == [notice.data for notice in notices]


def test_a_whole_stream_reads_back_in_order() -> None:
    reader = Reader(b"".join(map(encoder(Format.SSE, batch=False), FRAMES)))
    assert [each.event for each in reader.events] == ["log", "state", "gap", "end"]
    assert reader.events[0] == Event("log", reader.events[0].data, CURSOR)


# Newline-delimited JSON


def test_each_line_is_an_object_that_says_what_it_is() -> None:
    lines = b"".join(map(encoder(Format.NDJSON, batch=False), FRAMES)).decode().splitlines()
    objects = [json.loads(line) for line in lines]
    assert [each["event"] for each in objects] == ["log", "log", "state", "gap", "heartbeat", "end"]
    assert [each.get("seq") for each in objects[:2]] == [5, 6]
    assert objects[0] == {"event": "log"} | dicts([record("a")], 5)[0]
    assert objects[-1] == {"event": "end"} | END.to_dict()


# Plain text


def test_text_is_for_people() -> None:
    late = record("level=warn slow", of=container("w", SourceName.WORKER))
    late.late = True
    frames = [LogFrame([record("hello"), late], 1, CURSOR), *FRAMES[1:]]
    assert b"".join(map(encoder(Format.TEXT, batch=False), frames)).decode().splitlines() == [
        "2026-11-21T02:11:29.000000000Z argo/extract(0)/main hello",
        "2026-11-21T02:11:29.000000000Z worker/pod-w/main (late) level=warn slow",
        "--- state: node extract Failed: exit 1",
        "--- gap: Lines may be missing.",
        "--- end: line_cap. 20 lines are the most.",
    ]


@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text(st.characters(exclude_categories=["Cs"])))))
def test_in_text_no_line_acts_on_a_terminal_or_becomes_two(texts: list[str]) -> None:
    written = text(log(*("\x1b[31m" + each.replace("\n", "") for each in texts))).decode()
    assert written.count("\n") == len(written.splitlines()) == len(texts)
    assert "\x1b" not in written


@given(hostile_names, hostile_names)
def test_nor_does_a_remark(name: str, message: str) -> None:
    state = State(Kind.RUN, "r", name, "Failed", "2026-11-21T02:11:29Z", message)
    gap, end = gap_notice(Reason.AWAY, message), EndFrame(EndReason.TIMEOUT, 1, CURSOR, message)
    for frame in (NoticeFrame(state_notice(state), CURSOR), NoticeFrame(gap, CURSOR), end):
        written = text(frame).decode()
        assert len(written.splitlines()) == 1
        assert written.startswith("--- ")
        assert "\x1b" not in written


def test_a_heartbeat_is_nothing_in_text() -> None:
    assert text(Heartbeat()) == b""


# Compression


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_a_compressed_download_is_the_same_bytes(name: str) -> None:
    written = [ndjson(frame) for frame in FRAMES] * 500
    compression = Compression(name)
    packed = b"".join([*map(compression.add, written), compression.end()])
    plain = (
        gzip.decompress(packed)
        if name == "gzip"
        else zstandard.ZstdDecompressor().decompressobj().decompress(packed)
    )
    assert plain == b"".join(written)
    assert len(packed) < len(plain) / 10


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_an_empty_download_is_a_whole_compressed_file(name: str) -> None:
    packed = Compression(name).end()
    unpacked = gzip.decompress(packed) if name == "gzip" else zstandard.ZstdDecompressor().decompress(packed)
    assert unpacked == b""


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip;q=0.5, zstd;q=0", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.0", None),
        ("gzip;q=0.000, zstd;Q=0", None),
        ("gzip;q=0.001", "gzip"),
        ("gzip;q=1.0", "gzip"),
        ("zstd ; q=0.5", "zstd"),
    ],
)
def test_only_what_the_client_takes_is_used(header: str, name: str | None) -> None:
    compression = accepted_compression(header)
    assert (compression.name if compression else None) == name
