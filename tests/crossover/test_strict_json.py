"""Strict JSON: one reading of every document, or an error that names the place."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.errors import CrossoverError, InvalidField, InvalidRequest
from crossover.strict_json import dump_json, parse_json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
def test_what_is_written_is_read_back(value: object) -> None:
    assert parse_json(dump_json(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_or_one_of_our_errors(body: bytes) -> None:
    with contextlib.suppress(CrossoverError):
        assert parse_json(dump_json(parse_json(body))) == parse_json(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"a":{"b":[1,NaN]}}', "a.b.1"),
        (b'{"a":Infinity}', "a"),
        (b'{"a":-1e999}', "a"),
        (b'{"a":{"b":"\\ud800"}}', "a.b"),
        (b'{"a":1,"a":2}', "a"),
        (b'{"x":{"\\udfff":1}}', "x.?"),
    ],
)
def test_the_error_names_the_field(body: bytes, field: str) -> None:
    with pytest.raises(InvalidField) as caught:
        parse_json(body)
    assert caught.value.field == field


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff", b'{"a":01}', b"{'a':1}", b"9" * 5000, b"[" * 100_000, b'{"a":' * 5000, b"nul"],
    ids=[
        "empty",
        "open",
        "not utf-8",
        "leading zero",
        "quotes",
        "huge number",
        "bomb",
        "object bomb",
        "word",
    ],
)
def test_what_is_no_json_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_json(body)


def test_depth_is_counted_in_levels() -> None:
    def nested(levels: int) -> bytes:
        return b"[" * levels + b"]" * levels

    assert parse_json(nested(64)) == json.loads(nested(64))
    with pytest.raises(InvalidRequest, match="64 levels"):
        parse_json(nested(66))
