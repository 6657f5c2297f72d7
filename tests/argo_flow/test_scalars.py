"""Unquoted YAML values as Argo reads them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_flow.parse.scalars import Value, as_text, resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("n", False),
        ("Y", True),
        ("on", True),
        ("No", False),
        ("true", True),
        ("~", None),
        ("", None),
        ("null", None),
        ("3", 3),
        ("-3", -3),
        ("010", 8),
        ("0o10", 8),
        ("0x1F", 31),
        ("1_000", 1000),
        ("1.10", 1.1),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("08", 8.0),
        ("nope", "nope"),
        ("1h", "1h"),
        ("12:30:00", "12:30:00"),
        ("2026-11-21", "2026-11-21"),
        ("{{x}}", "{{x}}"),
        (".inf", math.inf),
    ],
)
def test_yaml_1_1_has_the_last_word(text: str, value: Value) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3", "3"),
        ("true", "true"),
        ("yes", "true"),
        ("1.10", "1.1"),
        ("1e3", "1000"),
        ("010", "8"),
        ("x", "x"),
    ],
)
def test_numbers_and_booleans_become_their_json_text(text: str, expected: str) -> None:
    assert as_text(resolve(text)) == expected


@given(st.text(max_size=30) | st.from_regex(r"[-+]?[0-9_.eExXoOb]{1,400}", fullmatch=True))
def test_every_text_has_a_value(text: str) -> None:
    assert isinstance(as_text(resolve(text)), str)
