"""How the feed looks to a person."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossover.cli.logs.safe import safe
from crossover.cli.logs.screen import LONGEST_LABEL, Screen
from crossover.cli.logs.sdk_line import shorten
from crossover_sdk.formats import to_json, to_logfmt

Json = dict[str, Any]

TODAY = date(2026, 11, 21)
RECORD: Json = {"ts": "2026-11-21T02:11:29.636105921Z", "source": "argo", "pod": "p-1", "msg": "hello"}
SDK: Json = {
    "ts": "2026-11-21T02:11:29.636105Z",
    "level": "info",
    "logger": "app",
    "trace_id": "wf-7",
    "workflow_id": "w",
    "run_id": "r",
    "workflow_type": "Report",
    "activity": "render",
    "activity_id": "1",
    "attempt": 1,
    "msg": "3 tables done",
    "rows": 10,
    "table": "a b",
}


def screen(*, color: bool = False, raw: bool = False) -> Screen:
    return Screen(color=color, utc=True, raw=raw, today=TODAY)


def shown(record: Json, **how: bool) -> list[str]:
    return list(screen(**how).records([{**RECORD, **record}]))


@pytest.mark.parametrize(
    ("record", "line"),
    [
        ({}, "02:11:29.636 p-1 │ hello"),
        ({"node": {"id": "1", "name": "extract"}}, "02:11:29.636 extract │ hello"),
        ({"container": "main"}, "02:11:29.636 p-1 │ hello"),
        ({"container": "wait"}, "02:11:29.636 p-1/wait │ hello"),
        ({"container": "worker", "source": "worker"}, "02:11:29.636 p-1 │ hello"),
        ({"late": True}, "02:11:29.636 p-1 │ hello (late)"),
        ({"pod": "p" * 40 + "-end"}, f"02:11:29.636 …{'p' * (LONGEST_LABEL - 5)}-end │ hello"),
        ({"ts": "nonsense"}, "--:--:--.--- p-1 │ hello"),
        ({"ts": "2026-11-21T07:41:29.636+05:30"}, "02:11:29.636 p-1 │ hello"),
        ({"msg": None}, "02:11:29.636 p-1 │ "),
    ],
)
def test_a_record_is_time_source_and_message(record: Json, line: str) -> None:
    assert shown(record) == [line]


def test_another_day_is_announced_once() -> None:
    records = [{**RECORD, "ts": f"2026-11-{day}T23:59:59Z"} for day in (21, 22, 22)]
    assert [line[:16] for line in screen().records(records)] == [
        "23:59:59.000 p-1",
        "─── 2026-11-22 ─",
        "23:59:59.000 p-1",
        "23:59:59.000 p-1",
    ]


def test_labels_stay_in_one_column() -> None:
    records = [{**RECORD, "pod": pod} for pod in ("long-name", "p", "longer-than-that", "p")]
    bars = [line.index("│") for line in screen().records(records)]
    assert bars[0] == bars[1]
    assert bars[2] == bars[3]


@pytest.mark.parametrize("write", [to_logfmt, to_json])
def test_a_line_of_the_sdk_is_shortened_and_whole_on_request(write: Any) -> None:
    assert shown({"msg": write(SDK)}) == ['02:11:29.636 p-1 │ render: 3 tables done rows=10 table="a b"']
    assert shown({"msg": write(SDK)}, raw=True) == [f"02:11:29.636 p-1 │ {write(SDK)}"]


@pytest.mark.parametrize("write", [to_logfmt, to_json])
def test_attempts_levels_and_tracebacks_of_the_sdk_are_kept(write: Any) -> None:
    line = write(
        {**SDK, "attempt": 3, "level": "error", "error": "Traceback:\n  at\nValueError", "rows": None}
    )
    assert shown({"msg": line}) == [
        '02:11:29.636 p-1 │ ERROR render (attempt 3): 3 tables done table="a b"',
        " " * 16 + " │   Traceback:",
        " " * 16 + " │     at",
        " " * 16 + " │   ValueError",
    ]


@settings(deadline=None)  # the first example compiles patterns, which takes a loaded machine its time
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), st.text(max_size=20), max_size=4))
def test_every_value_that_the_sdk_writes_is_read_back(extra: dict[str, str]) -> None:
    known = {**SDK, **{f"x_{key}": value for key, value in extra.items()}}
    line, as_json = shorten(to_logfmt(known)), shorten(to_json(known))
    assert line is not None
    assert as_json is not None
    assert line.text.startswith("render: 3 tables done rows=10 ")
    assert [line.level, line.below] == [as_json.level, as_json.below]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "a=b",
        "ts=1 level=info msg=x",
        "ts=1 level=info trace_id=a msg=x and more",
        "{}",
        "{",
        "[1]",
    ],
)
def test_lines_of_others_stay_as_they_are(line: str) -> None:
    assert shorten(line) is None
    assert shown({"msg": line}) == [f"02:11:29.636 p-1 │ {line}"]


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ({"kind": "node", "name": "extract", "phase": "Running"}, "▶ extract running"),
        ({"kind": "node", "name": "extract", "phase": "Succeeded"}, "✔ extract Succeeded"),
        ({"kind": "node", "name": "extract", "phase": "Skipped"}, "○ extract Skipped"),
        (
            {"kind": "workflow", "name": "wf-7", "phase": "Error", "message": "why"},
            "⚠ workflow wf-7 Error: why",
        ),
        ({"kind": "run", "name": "Report", "phase": "TimedOut"}, "✖ run Report TimedOut"),
        (
            {"kind": "activity", "name": "render", "phase": "Failed", "attempt": 2, "message": "disk full"},
            "✖ activity render Failed (attempt 2): disk full",
        ),
        ({"kind": "run", "id": "7", "phase": "Running", "progress": "3/7"}, "▶ run 7 running 3/7"),
    ],
)
def test_a_state_is_a_mark_and_a_sentence(state: Json, line: str) -> None:
    assert list(screen().state({"ts": RECORD["ts"], **state})) == [f"02:11:29.636 {line}"]


def test_a_gap_says_where_when_how_many_and_why() -> None:
    gap = {"source": "worker", "pod": "w-1", "from": RECORD["ts"], "to": "2026-11-21T02:12:00Z", "lost": 7}
    assert list(screen().gap({**gap, "reason": "rotated", "detail": "The log was rotated."})) == [
        "~~~ gap: 7 lines may be missing from worker/w-1 (02:11:29.636 to 02:12:00.000): The log was rotated."
    ]
    assert list(screen().gap({"source": None, "lost": None, "reason": "reopened"})) == [
        "~~~ gap: lines may be missing: reopened"
    ]


def test_a_source_has_one_colour_and_errors_are_red() -> None:
    first, second = (shown({"pod": pod}, color=True)[0] for pod in ("p-1", "p-1"))
    assert first == second
    colors = {shown({"pod": f"pod-{number}"}, color=True)[0].split("pod-")[0] for number in range(20)}
    assert len(colors) > 4
    assert "\x1b[31mhello\x1b[0m" in shown({"level": "error"}, color=True)[0]
    assert "\x1b[33mhello\x1b[0m" in shown({"stream": "stderr"}, color=True)[0]
    assert "\x1b" not in shown({"level": "error"})[0]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\rb", "a\\x0db"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202e", "user\\u202e"),
        ("a\tb\u00a0c", "a\tb c"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("größe 漢字 ✔", "größe 漢字 ✔"),
    ],
)
def test_controls_are_spelt_out(text: str, line: str) -> None:
    assert safe(text) == line


_ANY = st.text(max_size=30)
_VALUES = st.none() | st.booleans() | st.integers() | _ANY | st.lists(_ANY, max_size=2)
_OBJECTS = st.dictionaries(
    st.sampled_from(["ts", "msg", "pod", "source", "node", "container", "level", "kind", "name", "phase"])
    | st.sampled_from(["attempt", "progress", "message", "from", "to", "lost", "detail", "reason", "stream"]),
    _VALUES | st.dictionaries(st.sampled_from(["id", "name"]), _VALUES),
)


@given(_OBJECTS)
def test_whatever_the_server_sends_only_harmless_lines_come_out(data: Json) -> None:
    seen = screen()
    for line in [*seen.records([data]), *seen.state(data), *seen.gap(data)]:
        assert line.replace("\t", "").isprintable()
