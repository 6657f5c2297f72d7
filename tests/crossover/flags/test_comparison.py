"""How differences between two runs' outputs are told."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossover.flags.comparison import LIMIT, POINTER_LIMIT, compare

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def places(differences: list[str]) -> list[str]:
    return [each.split(": ")[0] for each in differences]


@given(value=values)
def test_equal_outputs_give_no_differences(value: Any) -> None:
    assert compare(value, copy.deepcopy(value)) == []


@given(one=values, other=values)
def test_no_differences_means_equal_json_numbers_apart(one: Any, other: Any) -> None:
    def canonical(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: canonical(each) for key, each in value.items()}
        if isinstance(value, list):
            return [canonical(each) for each in value]
        return (type(value).__name__ if isinstance(value, bool) else "", value)

    assert (compare(one, other) == []) == (canonical(one) == canonical(other))


@pytest.mark.parametrize(
    ("legacy", "shadow", "expected"),
    [
        ({"rows": 1}, {"rows": 2}, ["/rows"]),
        ({"rows": 1}, {"rows": 1.0}, []),
        ({"rows": 1}, {"rows": True}, ["/rows"]),
        ({"rows": 1}, {"rows": "1"}, ["/rows"]),
        ({"rows": None}, {}, ["/rows"]),
        ({"list": [1, 2]}, {"list": [2, 1]}, ["/list/0", "/list/1"]),
        ({"list": [1]}, {"list": [1, 2]}, ["/list/1"]),
        ({"a": {"b": 1}}, {"a": [1]}, ["/a"]),
        ({"a": {"b": 1}}, {}, ["/a"]),
        ({}, {"a": {}}, ["/a"]),
        ({"a/b": {"c~d": 1}}, {"a/b": {"c~d": 2}}, ["/a~1b/c~0d"]),
        ({"": 1}, {"": 2}, ["/"]),
        (1, 2, ["(the whole)"]),
    ],
)
def test_each_difference_names_its_place_as_a_json_pointer(
    legacy: Any, shadow: Any, expected: list[str]
) -> None:
    assert places(compare(legacy, shadow)) == expected


def test_the_side_that_has_a_value_alone_is_named() -> None:
    assert compare({"a": 1}, {})[0].startswith("/a: only legacy has it (number ")
    assert compare({}, {"a": "x"})[0].startswith("/a: only shadow has it (string ")


def test_places_to_ignore_are_left_out_with_all_below_them() -> None:
    legacy = {"at": 1, "run": {"id": "x", "rows": 5}, "list": [{"at": 1}, {"at": 2}], "a/b": 1}
    shadow = {"at": 2, "run": {"id": "y", "rows": 5}, "list": [{"at": 3}, {"at": 4}], "a/b": 2}
    assert places(compare(legacy, shadow, ["/at", "/run", "/list/1", "/a~1b"])) == ["/list/0/at"]
    assert compare(legacy, shadow, [""]) == []


@pytest.mark.parametrize("pointer", ["at", "$.at", "/a~2", "/a~"])
def test_what_is_no_json_pointer_is_refused(pointer: str) -> None:
    with pytest.raises(ValueError, match="is no JSON pointer"):
        compare({}, {}, [pointer])


def test_values_are_never_told() -> None:
    secret = "hunter2-hunter2"
    legacy = {"a": secret, "b": [secret], "c": {"d": secret}, "only": secret}
    shadow = {"a": 1, "b": secret, "c": {"d": secret + "!"}, "theirs": {"e": secret}}
    told = compare(legacy, shadow)
    assert len(told) == 5
    assert secret not in json.dumps(told)


def test_differences_are_bounded_in_number_and_length() -> None:
    told = compare(list(range(10_000)), list(range(1, 10_001)))
    assert len(told) == LIMIT + 1
    assert told[-1] == f"and more than these {LIMIT}"
    assert len(compare({"k" * 60_000: 1}, {})[0]) < POINTER_LIMIT + 100
