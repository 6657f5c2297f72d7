"""Outputs: JSON Pointers into a result, as RFC 6901 has them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.steps.engine import Opaque
from bridge.steps.outputs import Missing, Outputs, as_parameter, collect_outputs, follow

RFC: dict[str, object] = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5}
RFC |= {'k"l': 6, " ": 7, "m~n": 8}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC), ("/foo", ["bar", "baz"]), ("/foo/0", "bar"), ("/", 0), ("/a~1b", 1), ("/c%d", 2),
        ("/e^f", 3), ("/g|h", 4), ("/i\\j", 5), ('/k"l', 6), ("/ ", 7), ("/m~0n", 8),
    ],
    ids=lambda each: repr(each)[:20],
)  # fmt: skip
def test_the_rfcs_own_examples(pointer: str, value: object) -> None:
    assert follow(RFC, pointer) == value


@pytest.mark.parametrize("pointer", ["/none", "/foo/2", "/foo/-1", "/foo/x", "/foo/0/0", "/foo/٣"])
def test_what_leads_nowhere_is_missing(pointer: str) -> None:
    with pytest.raises(Missing):
        follow(RFC, pointer)


keys = st.text(max_size=6)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)


def pointers(value: object, at: str = "") -> list[tuple[str, object]]:
    found = [(at, value)]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        found += pointers(child, f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}")
    return found


@given(documents)
def test_every_value_of_a_document_can_be_pointed_at(document: object) -> None:
    for pointer, value in pointers(document):
        assert follow(document, pointer) == value


@given(documents)
def test_parameters_are_strings_and_lose_nothing(document: object) -> None:
    text = as_parameter(document)
    assert text == document if isinstance(document, str) else json.loads(text) == document


def test_without_a_mapping_each_top_level_key_is_a_parameter() -> None:
    outputs = collect_outputs({"rows": 3, "path": "s3://x"}, None)
    assert (outputs.parameters, outputs.wrong) == ({"rows": "3", "path": "s3://x"}, None)
    assert collect_outputs([1], None).parameters == {}


def test_a_mapping_says_which_and_names_what_is_missing() -> None:
    outputs = collect_outputs({"counts": {"rows": 3}}, {"rows": "/counts/rows", "cols": "/counts/cols"})
    assert outputs.parameters == {"rows": "3"}
    assert "cols (/counts/cols)" in (outputs.wrong or "")


def test_an_encrypted_result_is_shown_as_such_and_has_no_parameters() -> None:
    sealed = Opaque("binary/encrypted", 900)
    assert collect_outputs(sealed, None) == Outputs({}, {"encoding": "binary/encrypted", "bytes": 900})
    assert "rows" in (collect_outputs(sealed, {"rows": "/rows"}).wrong or "")


def test_a_result_that_is_broken_json_is_wrong_whatever_was_asked_for() -> None:
    broken = Opaque("json/plain", 12, unreadable="JSON has no NaN or Infinity")
    assert "NaN" in (collect_outputs(broken, None).wrong or "")
