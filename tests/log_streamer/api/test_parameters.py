"""What a viewer asks for is read strictly, and what is wrong is named."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import InvalidField
from log_streamer.api.documented import PARAMETERS
from log_streamer.api.parameters import MAX_GREP, NAMES, Format, Wanted, read_wanted
from log_streamer.feed.cursor import Cursor
from log_streamer.feed.filters import Filter
from log_streamer.lines.levels import Level
from log_streamer.lines.stamps import nanos_of
from log_streamer.model import SourceName

RESUMED = Cursor(seq=7, since=5).encode()
FRESH = Cursor(seq=0, since=5).encode()


def wanted(
    trace_id: str = "wf-1", *, accept: str = "", last_event_id: str | None = None, **values: str | list[str]
) -> Wanted:
    lists = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return read_wanted(trace_id, lists, accept=accept, last_event_id=last_event_id)


def refused(**values: Any) -> InvalidField:
    with pytest.raises(InvalidField) as raised:
        wanted(**values)
    return raised.value


def test_nothing_asked_for_is_everything_as_it_happens() -> None:
    assert wanted() == Wanted(
        trace_id="wf-1",
        cursor=Cursor(),
        filter=Filter(),
        follow=True,
        tail=None,
        max_lines=None,
        timeout=None,
        batch=False,
        format=Format.SSE,
    )


def test_an_empty_value_is_none() -> None:
    assert wanted(**dict.fromkeys(set(NAMES) - {"node", "source"}, "")) == wanted()


GOOD: list[tuple[str, str, Any]] = [
    ("follow", "true", True),
    ("follow", "FALSE", False),
    ("follow", "0", False),
    ("follow", "1", True),
    ("tail", "0", 0),
    ("tail", "100", 100),
    ("max_lines", "1", 1),
    ("max_lines", "1000000000", 10**9),
    ("timeout", "90s", 90.0),
    ("timeout", "1h30m", 5400.0),
    ("timeout", "2.5", 2.5),
    ("batch", "1", True),
    ("batch", "false", False),
    ("format", "sse", Format.SSE),
    ("format", "ndjson", Format.NDJSON),
    ("format", "TEXT", Format.TEXT),
]


@pytest.mark.parametrize(("name", "text", "value"), GOOD)
def test_a_good_value_is_taken(name: str, text: str, value: Any) -> None:
    assert getattr(wanted(**{name: text}), name) == value


FILTERING: list[tuple[dict[str, Any], Filter]] = [
    ({"level": "warn"}, Filter(level=Level.WARN)),
    ({"level": "ERROR"}, Filter(level=Level.ERROR)),
    ({"node": "a"}, Filter(nodes=frozenset({"a"}))),
    ({"node": ["a", "b(0)"]}, Filter(nodes=frozenset({"a", "b(0)"}))),
    ({"source": "argo"}, Filter(sources=frozenset({SourceName.ARGO}))),
    (
        {"source": ["Worker", "archive", "local"]},
        Filter(sources=frozenset({SourceName.WORKER, SourceName.ARCHIVE, SourceName.LOCAL})),
    ),
    ({"argoexec": "true"}, Filter(argoexec=True)),
    ({"argoexec": "0"}, Filter()),
]


@pytest.mark.parametrize(("values", "expected"), FILTERING)
def test_a_filter_is_taken(values: dict[str, Any], expected: Filter) -> None:
    assert wanted(**values).filter == expected


def test_a_pattern_is_compiled() -> None:
    grep = wanted(grep="(?i)err|warn").filter.grep
    assert grep.search("an ERROR")
    assert not grep.search("fine")


BAD: list[tuple[str, str]] = [
    *(("follow", text) for text in ("yes", "2", "tru", " true", "on")),
    *(("batch", text) for text in ("yes", "-1", "null")),
    *(("argoexec", text) for text in ("yes", "null")),
    *(("tail", text) for text in ("-1", "1.5", "ten", "1e3", "+5", " 5", "٣", "1" * 40, "1000000001")),
    *(("max_lines", text) for text in ("0", "-1", "x", "1_000", "²", "0x10")),
    *(("timeout", text) for text in ("0", "-5", "10 minutes", "inf", "nan", "1y", "0s", "1e999")),
    *(("level", text) for text in ("warning", "verbose", "3", "unknown")),
    *(("source", text) for text in ("pods", "argo,worker", "")),
    *(("grep", text) for text in ("(", "a{2,1}", "(?<=a)b", r"\1", "*", "x" * (MAX_GREP + 1), "a{1001}")),
    *(("format", text) for text in ("json", "html", "text/plain")),
    *(("cursor", text) for text in ("x", "7", "null", RESUMED[:-1], RESUMED + "AAAA", "A" * 70_000)),
    *(
        ("since", text)
        for text in (
            "yesterday", "10 minutes", "-5m", "2026-11-21", "2026-11-21T02:11:29", "2026-13-41T00:00:00Z",
            "2026-02-30T00:00:00+01:00", "2026-02-30T00:00:00Z", "x 2026-11-21T02:11:29Z", "nan",
            "2026-11-21T02:11:29Z y", "2026-11-21T25:00:00Z", "2026-11-21T02:11:29 01:00", "1y",
        )
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), BAD)
def test_a_bad_value_is_refused_and_its_name_told(name: str, text: str) -> None:
    error = refused(**{name: text})
    assert error.field == name
    assert error.detail.startswith(f"{name}: ")
    assert error.detail.endswith(".")


@pytest.mark.parametrize("name", ["Follow", "lines", "grepp", "nodes", "limit", "", "since "])
def test_an_unknown_name_is_refused_and_the_known_ones_told(name: str) -> None:
    error = refused(**{name: "1"})
    assert error.field == name
    assert all(known in error.detail for known in NAMES)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"node", "source"}))
def test_what_cannot_be_repeated_must_not_be(name: str) -> None:
    error = refused(**{name: ["1", "1"]})
    assert (error.field, "more than once" in error.detail) == (name, True)


@pytest.mark.parametrize("trace_id", ["", "a b", "a/b", "-a", ".a", "a\n", "ä", "a" * 254, "a=b", '"'])
def test_a_trace_id_that_could_not_be_one_word_is_refused(trace_id: str) -> None:
    assert refused(trace_id=trace_id).field == "trace_id"


def test_every_parameter_is_documented_and_nothing_else() -> None:
    assert [each["name"] for each in PARAMETERS if each["in"] == "query"] == list(NAMES)


# Since


@pytest.mark.parametrize(
    ("text", "nanos"),
    [
        ("2026-11-21T02:11:29.636105921Z", 1_795_227_089_636_105_921),
        ("2026-11-21T02:11:29Z", 1_795_227_089_000_000_000),
        ("2026-11-21T03:11:29.5+01:00", 1_795_227_089_500_000_000),
        (" 2026-11-21T02:11:29Z ", 1_795_227_089_000_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("0001-01-01T00:00:00Z", 0),
        ("9999-12-31T23:59:59Z", (1 << 64) - 1),
    ],
)
def test_since_takes_a_time(text: str, nanos: int) -> None:
    asked = wanted(since=text)
    assert asked.cursor == Cursor(since=nanos)
    assert nanos_of(asked.filter.since) == nanos
    assert Cursor.decode(asked.cursor.encode()).since == nanos


@pytest.mark.parametrize(
    ("text", "seconds"), [("10m", 600), ("1h30m", 5400), ("90", 90), ("0", 0), ("250ms", 0)]
)
def test_since_takes_a_duration(text: str, seconds: int) -> None:
    before = time.time_ns()
    since = wanted(since=text).cursor.since
    assert before - (seconds + 1) * 10**9 < since <= time.time_ns() - seconds * 10**9


def test_a_duration_longer_than_the_epoch_is_everything() -> None:
    assert wanted(since="100000d").cursor.since == 0


# Going on


def test_a_cursor_wins_over_since_and_tail() -> None:
    asked = wanted(cursor=RESUMED, since="10m", tail="5")
    assert (asked.cursor, asked.tail) == (Cursor(seq=7, since=5), None)
    assert nanos_of(asked.filter.since) == 5


def test_with_a_cursor_the_tail_counts_no_more_because_lines_between_would_be_left_out() -> None:
    assert wanted(tail="5").tail == 5
    assert wanted(cursor=FRESH, tail="5").tail is None
    assert wanted(last_event_id=FRESH, tail="5").tail is None


def test_last_event_id_is_a_cursor_too_and_wins_over_the_address_that_a_browser_asks_again() -> None:
    assert wanted(last_event_id=RESUMED).cursor.seq == 7
    assert wanted(last_event_id=RESUMED, cursor=Cursor(seq=3).encode()).cursor.seq == 7
    assert wanted(last_event_id="").cursor == Cursor()
    assert refused(last_event_id="42").field == "cursor"


# Formats


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Format.SSE),
        ("*/*", Format.SSE),
        ("text/event-stream", Format.SSE),
        ("application/x-ndjson", Format.NDJSON),
        ("text/plain", Format.TEXT),
        ("Text/Plain; charset=utf-8", Format.TEXT),
        ("text/html, application/x-ndjson;q=0.9, */*", Format.NDJSON),
        ("application/json", Format.SSE),
    ],
)
def test_the_format_is_what_the_client_accepts(accept: str, form: Format) -> None:
    assert wanted(accept=accept).format is form
    assert wanted(accept=accept, format="text").format is Format.TEXT


@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.lists(st.one_of(st.text(), st.sampled_from(["1", "true", "5m"])), max_size=2),
    )
)
def test_whatever_is_asked_is_read_or_refused_by_name(values: dict[str, list[str]]) -> None:
    field: str | None = None
    try:
        read_wanted("wf-1", values, accept="", last_event_id=None)
    except InvalidField as error:
        field = error.field
    assert field is None or field in values
