"""Formatting, without Temporal: one line per record, and the trace id exactly once."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crossover_sdk.formats import fields_of, timestamp, to_json, to_logfmt, with_trace_id

TRACE_IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
HOSTILE = st.text() | st.lists(
    st.sampled_from(
        ["trace_id=", "wf-1", "wf-10", "\n", "\r", '"', "\\", " ", "\x85", "\u2028", "\x1b[2J", "=", "{"]
    )
).map("".join)


def tokens(text: str, trace_id: str) -> int:
    """How often the exact token is in `text`, as a log reader looks for it."""
    return sum(found == trace_id for found in re.findall(r"trace_id=(\S+)", text))


def read_logfmt(line: str) -> dict[str, str]:
    """A strict reader: pairs separated by one space, values bare or JSON strings."""
    fields, rest = {}, line
    while rest:
        match = re.match(r'([A-Za-z0-9_.-]+)=("(?:[^"\\]|\\.)*"|[^ "=]*)(?: |$)', rest)
        assert match, rest
        key, value = match.groups()
        fields[key] = json.loads(value) if value.startswith('"') else value
        rest = rest[match.end() :]
    return fields


def record(message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("app", logging.INFO, __file__, 1, message, args, None)
    vars(made).update(extra)
    return made


@given(trace_id=TRACE_IDS, message=HOSTILE, extra=HOSTILE)
@example(trace_id="wf-1", message='x"\nts=2026 level=info trace_id=wf-2 msg=forged', extra="trace_id=wf-1")
def test_a_logfmt_record_is_one_line_that_reads_back_and_names_one_trace(
    trace_id: str, message: str, extra: str
) -> None:
    line = to_logfmt(fields_of(record("%s", message, note=extra), trace_id))

    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)
    assert len(line.splitlines()) == 1
    assert line.count("trace_id=") == tokens(line, trace_id) == 1
    fields = read_logfmt(line)
    assert (fields["trace_id"], fields["msg"], fields["note"]) == (trace_id, message, extra)


@given(trace_id=TRACE_IDS, message=HOSTILE, extra=HOSTILE)
def test_a_json_record_is_one_line_that_reads_back_and_names_one_trace(
    trace_id: str, message: str, extra: str
) -> None:
    line = to_json(fields_of(record("%s", message, note=extra), trace_id))

    assert len(line.splitlines()) == 1
    assert "trace_id=" not in line
    assert re.findall(r'"trace_id": ?"([^"]+)"', line) == [trace_id]
    fields = json.loads(line)
    assert (fields["trace_id"], fields["msg"], fields["note"]) == (trace_id, message, extra)


@given(trace_id=TRACE_IDS, text=HOSTILE.filter(lambda text: not text.lstrip().startswith("{")))
@example(trace_id="wf-1", text="about trace_id=wf-10")
@example(trace_id="wf-1", text="\n\n  head\r\ntail")
def test_a_foreign_line_gets_the_trace_id_on_its_head_once_and_changes_nowhere_else(
    trace_id: str, text: str
) -> None:
    marked = with_trace_id(text, trace_id)

    head = next((line for line in marked.split("\n") if line.strip()), "")
    assert tokens(head, trace_id) >= 1
    assert with_trace_id(marked, trace_id) == marked, "again is harmless"
    token = f" trace_id={trace_id}"
    added = [match.span() for match in re.finditer(re.escape(token), marked)]
    assert marked == text or text in [marked[:start] + marked[end:] for start, end in added]


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("plain", "plain trace_id=wf-1"),
        ("trace_id=wf-1 first", "trace_id=wf-1 first"),
        ("[INFO] trace_id=wf-1 app - done", "[INFO] trace_id=wf-1 app - done"),
        ("trace_id=wf-10 other", "trace_id=wf-10 other trace_id=wf-1"),
        ("trace_id=wf-1-retry other", "trace_id=wf-1-retry other trace_id=wf-1"),
        ("parent_trace_id=wf-1 child", "parent_trace_id=wf-1 child trace_id=wf-1"),
        ("head\n  File x\nValueError", "head trace_id=wf-1\n  File x\nValueError"),
        ("head\ntail trace_id=wf-1", "head trace_id=wf-1\ntail trace_id=wf-1"),
        ("\nhead", "\nhead trace_id=wf-1"),
        ("dos\r\ntail", "dos trace_id=wf-1\r\ntail"),
        ("", " trace_id=wf-1"),
        ('{"a": 1}', '{"trace_id": "wf-1", "a": 1}'),
        ("{}", '{"trace_id": "wf-1"}'),
        ('{"trace_id":"wf-1","a":1}', '{"trace_id":"wf-1","a":1}'),
        ('{"trace_id": null, "a": 1}', '{"trace_id": "wf-1", "a": 1}'),
        ('{"trace_id": "wf-10"}', '{"trace_id": "wf-1"}'),
        ("{not json", "{not json trace_id=wf-1"),
    ],
)
def test_a_foreign_line_with_the_trace_id(text: str, marked: str) -> None:
    assert with_trace_id(text, "wf-1") == marked


@given(
    fields=st.dictionaries(
        st.text(max_size=8), st.none() | st.booleans() | st.floats() | st.text() | st.binary()
    )
)
def test_a_json_line_is_always_valid_json(fields: dict[str, Any]) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    assert isinstance(json.loads(to_json(fields), parse_constant=refuse), dict)


def test_extra_attributes_become_fields_and_cannot_displace_ours() -> None:
    fields = fields_of(record("done", rows=3, msg2="x", trace_id="wf-9", ts="never"), "wf-1")

    assert (fields["rows"], fields["trace_id"], fields["msg"]) == (3, "wf-1", "done")
    assert fields["ts"] != "never"


def test_a_traceback_is_one_escaped_field() -> None:
    try:
        raise ValueError("a\nb trace_id=wf-2")
    except ValueError:
        made = logging.LogRecord("app", logging.ERROR, __file__, 1, "failed", (), sys.exc_info())

    line = to_logfmt(fields_of(made, "wf-1"))

    assert len(line.splitlines()) == 1
    assert line.count("trace_id=") == 1
    assert read_logfmt(line)["error"].endswith("ValueError: a\nb trace_id=wf-2")


def test_lone_surrogates_do_not_break_the_stream() -> None:
    assert to_logfmt({"msg": "\ud800"}).encode() == b'msg="\\ud800"'
    assert to_json({"msg": "\ud800"}).encode() == b'{"msg": "\\ud800"}'


def test_values_that_json_cannot_hold_become_text() -> None:
    circular: list[Any] = []
    circular.append(circular)

    assert json.loads(to_json({"a": {1}, "b": circular, "c": float("nan")})) == {
        "a": "{1}",
        "b": "[[...]]",
        "c": "nan",
    }


def test_timestamps_are_utc_with_microseconds() -> None:
    assert timestamp(1_700_000_000.5) == "2023-11-14T22:13:20.500000Z"
    assert timestamp(1_700_000_000) == "2023-11-14T22:13:20.000000Z"
