"""Lines of one container become records, each a piece of valid JSON."""

from __future__ import annotations

import json
import random
from typing import Any
from zlib import crc32

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.lines.levels import Level
from log_streamer.lines.records import plain_text
from log_streamer.lines.stamps import ZERO
from log_streamer.model import Container, Node, SourceName
from tests.log_streamer.lines.making import container, lines_of, raw, record, records

WORKER = container("w", SourceName.WORKER, shared=True)
TAGGED = container("t", SourceName.LOCAL, tagged=True)
STAMP = "2026-11-21T02:11:29.000000000Z"


def test_a_record_says_where_its_line_is_from() -> None:
    assert record("level=info msg=hello").to_dict() == {
        "ts": STAMP,
        "source": "argo",
        "node": {"id": "wf-1-123", "name": "extract(0)"},
        "pod": "pod-k",
        "container": "main",
        "level": "info",
        "msg": "level=info msg=hello",
    }


def test_what_is_not_known_is_absent() -> None:
    of = Container("k", SourceName.LOCAL, "host", "main")
    assert set(record("hello", of=of).to_dict()) == {"ts", "source", "pod", "container", "msg"}


def naive(of: Container, line: bytes) -> dict[str, Any]:
    """The record of a stamped line without secrets, controls, levels and activities, by way of a dict."""
    stamp, _, text = line.partition(b" ")
    made: dict[str, Any] = {"ts": stamp.decode(), "source": of.source.value}
    if of.node:
        made["node"] = {"id": of.node.id, "name": of.node.name}
    made |= {"pod": of.pod, "container": of.name}
    if of.tagged:
        stream, _, text = text.partition(b" ")
        made["stream"] = stream.decode()
    made["msg"] = text.decode("utf-8", "replace")
    return made


harmless_texts = st.text(
    st.characters(exclude_categories=["Cc", "Cf", "Zl", "Zp", "Cs", "Lu"], exclude_characters="=:")
)
names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.lists(harmless_texts, max_size=5), names, names, names)
def test_the_json_is_the_naively_built_dict_whatever_the_names(
    texts: list[str], pod: str, name: str, node: str
) -> None:
    of = Container("k", SourceName.ARGO, pod, name, node=Node(node, node))
    lines = [raw(number, text) for number, text in enumerate(texts)]
    made = records(of, lines)
    assert [json.loads(one.json + b"}") for one in made] == [naive(of, line) for line in lines]
    assert [one.mark for one in made] == [crc32(line) for line in lines]


@given(
    st.lists(st.binary(max_size=80).map(lambda raw: raw.replace(b"\n", b""))), st.booleans(), st.booleans()
)
def test_any_bytes_become_valid_json_on_one_line_with_or_without_a_timestamp(
    lines: list[bytes], stamped: bool, tagged: bool
) -> None:
    of = container(source=SourceName.WORKER, shared=True, tagged=tagged)
    given_lines = [raw(n, line) if stamped else line for n, line in enumerate(lines)]
    for one in records(of, given_lines):
        assert isinstance(json.loads(one.json + b',"seq":1}')["msg"], str)
        assert b"\n" not in one.json
        assert b"\r" not in one.json


def test_bytes_that_only_look_like_a_timestamp_cannot_break_the_json() -> None:
    line = b'a"bcdefghijklmnopqrstuvwxyz12Z hello'
    (one,) = records(container(), [line])
    assert (one.stamp, one.text) == (ZERO, line.decode())
    assert json.loads(one.json + b"}")["msg"] == line.decode()


def test_a_line_without_a_timestamp_takes_the_last_ones() -> None:
    lines = lines_of(container())
    first, trouble = lines.take([raw(5, "a"), b"failed to watch the file"])
    assert (trouble.stamp, trouble.text) == (first.stamp, "failed to watch the file")
    assert lines.take([b"more"])[0].stamp == first.stamp


def test_timestamps_of_other_forms_are_brought_into_the_one_form() -> None:
    made = records(container(), [b"2026-11-21T02:11:29Z a", b"2026-11-21T03:11:29.5+01:00 b", STAMP.encode()])
    assert [(one.stamp, one.text) for one in made] == [
        (b"2026-11-21T02:11:29.000000000Z", "a"),
        (b"2026-11-21T02:11:29.500000000Z", "b"),
        (b"2026-11-21T02:11:29.000000000Z", ""),
    ]


def test_invalid_utf_8_survives() -> None:
    assert record(b"a\xffb \xe2\x82 c\xc3").text == "a\N{REPLACEMENT CHARACTER}b � c�"
    assert record(b"caf\xc3\xa9").text == "café"


# Long lines


def test_a_long_line_is_cut_with_a_mark_that_names_the_setting() -> None:
    assert record("a" * 101, limit=100).text == "a" * 100 + "… [1 bytes cut: LINE_LIMIT]"
    assert record("a" * 100, limit=100).text == "a" * 100


def test_a_cut_never_splits_a_character_and_counts_what_is_missing() -> None:
    for shift in range(4):
        text = record("a" * (96 + shift) + "€" * 10, limit=100).text
        kept, _, mark = text.partition("… [")
        assert "\N{REPLACEMENT CHARACTER}" not in text
        missing = int(mark.split()[0])
        assert missing == 96 + shift + 30 - len(kept.encode())
        assert 97 <= len(kept.encode()) <= 100


def test_a_cut_line_keeps_its_invalid_bytes_as_marks() -> None:
    text = record(b"\xfc" * 50 + b"a" * 100, limit=100).text
    assert text.startswith("\N{REPLACEMENT CHARACTER}" * 50 + "a" * 50 + "… [50 bytes cut")


@given(st.binary(min_size=0, max_size=60).map(lambda raw: raw.replace(b"\n", b"")))
def test_any_cut_keeps_about_the_limit(line: bytes) -> None:
    text = record(line, limit=20).text
    kept = text.split("… [")[0]
    assert len(kept) <= 20
    assert ("LINE_LIMIT" in text) == (len(line) > 20)


def test_a_line_of_a_megabyte_is_known_again_by_all_of_its_bytes() -> None:
    one, other = raw(0, "a" * 1_000_000 + "b"), raw(0, "a" * 1_000_000 + "c")
    first, second = records(container(), [one, other])
    assert first.mark != second.mark


# Levels, colours, streams


def test_a_level_stands_in_the_json_only_where_the_line_names_one() -> None:
    one, other = records(container(), [raw(0, "ERROR a"), raw(1, "b")])
    assert (one.level, other.level) == (Level.ERROR, Level.UNKNOWN)
    assert (one.to_dict()["level"], other.to_dict().get("level")) == ("error", None)


def test_colours_are_kept_as_data_and_left_out_where_text_is_read() -> None:
    one = record("\x1b[31mred\x1b[0m \x1b]0;title\x07")
    assert one.to_dict()["msg"] == "\x1b[31mred\x1b[0m \N{REPLACEMENT CHARACTER}"
    assert plain_text(one) == "red \N{REPLACEMENT CHARACTER}"


def test_a_tagged_line_has_its_stream() -> None:
    made = records(TAGGED, [raw(0, "stdout hello there"), raw(1, "stderr "), raw(2, "stdout")])
    assert [(one.stream, one.text) for one in made] == [
        ("stdout", "hello there"),
        ("stderr", ""),
        ("stdout", ""),
    ]
    assert made[0].to_dict()["stream"] == "stdout"


def test_what_is_no_streams_name_is_text() -> None:
    (one,) = records(TAGGED, [raw(0, 'un"able to read the file')])
    assert (one.stream, one.text) == (None, 'un"able to read the file')
    assert "stream" not in one.to_dict()


def test_a_late_record_says_so() -> None:
    one = record("a")
    one.late = True
    assert one.to_dict()["late"] is True


# Activities


@pytest.mark.parametrize(
    ("text", "activity"),
    [
        (
            "level=info trace_id=x activity=fetch activity_id=7 attempt=2 msg=a",
            {"type": "fetch", "attempt": 2},
        ),
        ('trace_id=x activity="fetch columns" attempt=12', {"type": "fetch columns", "attempt": 12}),
        ("trace_id=x activity=fetch", {"type": "fetch"}),
        ('{"trace_id": "x", "activity": "fetch", "attempt": 3}', {"type": "fetch", "attempt": 3}),
        ('{"trace_id":"x","activity":"fetch columns","n":1}', {"type": "fetch columns"}),
        ('{"kind":"activity","activity":"fetch","attempt":1}', {"type": "fetch", "attempt": 1}),
        ("trace_id=x activity=föß attempt=1", {"type": "föß", "attempt": 1}),
        ("trace_id=x", None),
        ("an activity=", None),
        ("reactivity=5", None),
        ('{"activity":5}', None),
        ('{"msg":"\\"activity\\":\\"x\\""}', None),
    ],
)
def test_a_workers_line_tells_which_attempt_of_which_activity_wrote_it(
    text: str, activity: dict[str, Any] | None
) -> None:
    assert record(text, of=WORKER).to_dict().get("activity") == activity


def test_only_a_workers_lines_are_looked_at_for_activities() -> None:
    assert "activity" not in record("a activity=fetch attempt=2").to_dict()


# Argo's executor


def test_the_executors_own_lines_are_marked_and_the_steps_are_not() -> None:
    own = 'time="2026-11-21T02:11:29.000Z" level=info msg="capturing logs" argo=true'
    step = 'msg="time flies" argo=true'
    one, other, last = records(container(), [raw(0, own), raw(1, step), raw(2, "time=1 argo=false")])
    assert [one.argoexec, other.argoexec, last.argoexec] == [True, False, False]
    assert (one.to_dict()["argoexec"], other.to_dict().get("argoexec")) == (True, None)


@pytest.mark.parametrize("source", [SourceName.WORKER, SourceName.LOCAL])
def test_elsewhere_nobody_is_taken_for_argos_executor(source: SourceName) -> None:
    assert not record("time=1 argo=true", of=container(source=source)).argoexec


# In bulk


def test_a_block_gives_the_same_records_as_its_lines_one_by_one() -> None:
    """What is looked for in whole blocks must be found in them if it is in any line."""
    rng = random.Random(4)
    pool = [
        "plain", "level=warn x", "ERROR y", "\x1b[31mred\x1b[0m", "\x1b]0;t\x07", "token=abcdefghi", "é ü",
        '{"level":"error"}', "time=1 argo=true", "a\rb", "", "password: hunter2xyz", "x" * 120,
        "\x1b[1mtoken\x1b[0m=abcdefghi", "trace_id=x activity=a attempt=1",
    ]  # fmt: skip
    pooled = [text.encode() for text in pool] + [b"\xff\xfe", b"token=\xffabcdefgh"]
    for _ in range(4_000):
        block = [raw(n, rng.choice(pooled)) for n in range(rng.randint(1, 8))]
        of = rng.choice([container(), WORKER])
        together = [one.json for one in lines_of(of, limit=100).take(block)]
        one_by_one = [lines_of(of, limit=100).take([line])[0].json for line in block]
        assert together == one_by_one


def test_the_json_is_made_once_for_all_viewers() -> None:
    one = record("a")
    assert one.json is one.json
    assert orjson.loads(one.json + b',"seq":7}')["seq"] == 7
