"""How grave a line is, where it says so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from log_streamer.lines.levels import LEVELS, Level, level_of, names_levels

NAMED = [
    ("level=info msg=a", Level.INFO),
    ('time=x level="warning" msg=a', Level.WARN),
    ("level=ERROR", Level.ERROR),
    ("lvl=dbug level=debug", Level.DEBUG),
    ('{"level":"error","msg":"x"}', Level.ERROR),
    ('{"severity": "CRITICAL"}', Level.ERROR),
    ('{"lvl":"trace"}', Level.TRACE),
    ("2026-11-21 02:11:29,636 - app - WARNING - disk", Level.WARN),
    ("INFO:root:started", Level.INFO),
    ("[ERROR] broken", Level.ERROR),
    ("FATAL could not start", Level.ERROR),
    ("panic level=panic", Level.ERROR),
    ("NOTICE rotated", Level.INFO),
    ("DEBUG x", Level.DEBUG),
    ("I1121 10:15:00.000000       1 main.go:1] started", Level.INFO),
    ("W1121 10:15:00.000000       1 main.go:1] slow", Level.WARN),
    ("E1121 10:15:00.000000       1 main.go:1] failed", Level.ERROR),
    ("F1121 10:15:00.000000       1 main.go:1] dead", Level.ERROR),
]


@pytest.mark.parametrize(("text", "level"), NAMED)
def test_a_level_is_read_where_it_stands(text: str, level: Level) -> None:
    assert level_of(text) is level


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "an error occurred, for your information",
        "INFORMATION",
        "NON-ERROR",
        "level=verbose",
        '{"level":30}',
        "I1121 is a part number",
        "x" * 300 + " level=error",
        "level=",
    ],
)
def test_a_line_that_names_no_level_has_none(text: str) -> None:
    assert level_of(text) is Level.UNKNOWN


def test_the_words_of_the_parameter_are_the_levels_in_order() -> None:
    assert list(LEVELS) == ["trace", "debug", "info", "warn", "error"]
    assert list(LEVELS.values()) == sorted(LEVELS.values())


@given(st.lists(st.sampled_from([text for text, _ in NAMED] + ["x", "é", "{", "level", "="]), max_size=5))
def test_a_block_in_which_a_line_names_a_level_is_never_taken_for_one_without(texts: list[str]) -> None:
    if any(level_of(text) for text in texts):
        assert names_levels("\n".join(texts).encode())


def test_invalid_bytes_in_a_block_do_not_hide_its_levels() -> None:
    assert names_levels(b"\xff\xfe level=info \xff")
