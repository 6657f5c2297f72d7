"""`when`: govaluate's language as Argo uses it."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeAlias, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_flow.graph.logic import And, Expression, ExpressionError, Not, Or
from argo_flow.graph.values import COMPARATORS, Compare, Literal
from argo_flow.graph.when import evaluate_when, parse_when

Known: TypeAlias = tuple[Expression, bool]
"""An expression and the value it was built to have."""

T = TypeVar("T", float, str)

numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-1000, 1000).map(float)


def truth(operator: str, left: T, right: T) -> bool:
    """The oracle: Python's own comparison."""
    return bool(eval(f"left {operator} right", {"left": left, "right": right}))


def _compared(values: st.SearchStrategy[float] | st.SearchStrategy[str]) -> st.SearchStrategy[Known]:
    return st.builds(
        lambda left, operator, right: (
            Compare(operator, Literal(left), Literal(right)),
            truth(operator, left, right),
        ),
        values,
        st.sampled_from(COMPARATORS),
        values,
    )


def _compound(inner: st.SearchStrategy[Known]) -> st.SearchStrategy[Known]:
    several = st.lists(inner, min_size=2, max_size=4)
    return st.one_of(
        inner.map(lambda known: (Not(known[0]), not known[1])),
        several.map(lambda known: (And(tuple(e for e, _ in known)), all(v for _, v in known))),
        several.map(lambda known: (Or(tuple(e for e, _ in known)), any(v for _, v in known))),
    )


conditions: st.SearchStrategy[Known] = st.recursive(
    st.one_of(
        st.booleans().map(lambda value: (Literal(value), value)), _compared(numbers), _compared(st.text())
    ),
    _compound,
    max_leaves=10,
)


@given(conditions)
def test_what_is_printed_reads_as_the_same_condition(known: Known) -> None:
    assert parse_when(str(known[0])) == known[0]


@given(conditions)
def test_a_condition_has_the_value_it_was_built_to_have(known: Known) -> None:
    assert evaluate_when(str(known[0])) is known[1]


@given(st.text(alphabet="ab19 .=!<>&|()'\"-\\", max_size=30))
def test_any_text_is_either_evaluated_or_refused(text: str) -> None:
    with suppress(ExpressionError):
        assert evaluate_when(text) is evaluate_when(str(parse_when(text)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("heads == heads", True),
        ("heads == tails", False),
        ("foo != bar", True),
        ("'two words' == \"two words\"", True),
        ("1 == 1.0", True),
        ("'1' == 1", False),
        ("9 < 10", True),
        ("'9' < '10'", False),
        ("-1 < 0", True),
        ("true", True),
        ("true == false", False),
        ("!(a == b) && (1 < 2 || broken)", True),
        ("false && broken", False),
        ("a == a && b == b || c == d", True),
        (r"'it\'s' == 'it\'s'", True),
    ],
)
def test_words_are_strings_and_types_are_never_converted(text: str, expected: bool) -> None:
    assert evaluate_when(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "== foo",
        "two words == x",
        "word",
        "1",
        "a < 1",
        "true < false",
        "a && b",
        "1 + 1 == 2",
        "a.b == a.b",
        "x-y == z",
    ],
)
def test_what_govaluate_cannot_evaluate_is_an_error_with_a_hint(text: str) -> None:
    with pytest.raises(ExpressionError, match="hint: put quotes"):
        evaluate_when(text)
