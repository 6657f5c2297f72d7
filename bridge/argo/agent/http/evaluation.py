"""What a `successCondition` comes to, for one request and its response."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

import re2

from argo_flow.graph.logic import And, Expression, Not, Or
from bridge.argo.agent.http.condition import Binary, Call, Constant, Item, Listed, Root, Span
from crossover.errors import InvalidRequest
from crossover.strict_json import parse_json

EXACT = 1e15
"""Whole numbers below it look the same in JSON, Go and Python."""


_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_DECIMAL = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?")


class EvaluationError(ValueError):
    """The condition has no value: a field that is not there, or a comparison of unlike things."""


class Nothing(list[str]):
    """The values of a header that is not there: no values, and also nil."""


class Headers(dict[str, list[str]]):
    """All values by name, as the condition sees them."""

    def __missing__(self, name: str) -> list[str]:
        return Nothing()


def evaluate(expression: Expression, scope: Mapping[str, Any]) -> bool:
    """Raises EvaluationError.

    Args:
        scope: `request` and `response`, as in Argo's documentation of http templates.
    """
    return _truth(_value(expression, scope))


def _value(expression: Expression, scope: Mapping[str, Any]) -> Any:
    match expression:
        case Constant(value):
            return value
        case Root(name):
            return scope[name]
        case Listed(items):
            return [_value(each, scope) for each in items]
        case Span(first, last):
            return range(_whole(_value(first, scope)), _whole(_value(last, scope)) + 1)
        case Item(of, key):
            return _item(_value(of, scope), _value(key, scope))
        case Call(function, arguments):
            return _FUNCTIONS[function](*(_value(each, scope) for each in arguments))
        case Binary(sign, left, right):
            return _OPERATORS[sign](_value(left, scope), _value(right, scope))
        case Not(operand):
            return not _truth(_value(operand, scope))
        case And(operands):
            return all(_truth(_value(each, scope)) for each in operands)
        case Or(operands):
            return any(_truth(_value(each, scope)) for each in operands)
    raise TypeError(f"{expression!r} is no part of a condition")


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise EvaluationError(f"{_name(value)} is not true or false")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise EvaluationError(f"{_name(value)} cannot be an end of a range")
    return value


def _item(of: Any, key: Any) -> Any:
    if isinstance(of, Headers) and isinstance(key, str):
        return of[key]
    if isinstance(of, dict) and isinstance(key, str):
        return of.get(key)
    if isinstance(of, list) and isinstance(key, int) and not isinstance(key, bool):
        if -len(of) <= key < len(of):
            return of[key]
        raise EvaluationError(f"there is no value {key}: there are {len(of)}")
    raise EvaluationError(f"{_name(of)} has no {_name(key)} in it")


def _same(left: Any, right: Any) -> bool:
    """As in Go: unlike things are not equal, numbers of either kind are compared by value."""
    if left is None or right is None:
        return all(each is None or isinstance(each, Nothing) for each in (left, right))
    if isinstance(left, dict) or isinstance(right, dict):
        raise EvaluationError("objects cannot be compared here")
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def check(left: Any, right: Any) -> bool:
        if (_is_number(left) and _is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return compare(left, right)
        raise EvaluationError(f"{_name(left)} and {_name(right)} have no order")

    return check


def _textual(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    def check(left: Any, right: Any) -> bool:
        return compare(_text(left), _text(right))

    return check


def _in(member: Any, of: Any) -> bool:
    match of:
        case None:
            return False
        case range():
            return _is_number(member) and member == int(member) and int(member) in of
        case list():
            return any(_same(member, each) for each in of)
        case dict():
            return _text(member) in of
    raise EvaluationError(f"nothing can be in {_name(of)}")


def _matches(text: str, pattern: str) -> bool:
    """In linear time, as Go's: the pattern is a stranger's."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options).search(text) is not None
    except re2.error:
        raise EvaluationError("matches: the pattern cannot be read") from None


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": _same,
    "!=": lambda left, right: not _same(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "in": _in,
    "contains": _textual(operator.contains),
    "startsWith": _textual(str.startswith),
    "endsWith": _textual(str.endswith),
    "matches": _textual(_matches),
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise EvaluationError(f"{_name(value)} is no text")
    return value


def _len(value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise EvaluationError(f"{_name(value)} has no length")


def _int(value: Any) -> int:
    if _is_number(value) or (isinstance(value, str) and _WHOLE.fullmatch(value)):
        return int(value)
    raise EvaluationError(f"int: {_name(value)} is no whole number")


def _float(value: Any) -> float:
    if _is_number(value) or (isinstance(value, str) and _DECIMAL.fullmatch(value)):
        return float(value)
    raise EvaluationError(f"float: {_name(value)} is no number")


def _string(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if value.is_integer() and abs(value) < EXACT:
            return str(int(value))
    raise EvaluationError(f"string: {_name(value)} cannot be written as text here")


def _from_json(value: Any) -> Any:
    try:
        return parse_json(_text(value).encode("utf-8", "replace"))
    except InvalidRequest:
        raise EvaluationError("fromJSON: the text is no JSON") from None


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": _len,
    "int": _int,
    "float": _float,
    "string": _string,
    "lower": lambda value: _text(value).lower(),
    "upper": lambda value: _text(value).upper(),
    "trim": lambda value: _text(value).strip(),
    "fromJSON": _from_json,
    "hasPrefix": _textual(str.startswith),
    "hasSuffix": _textual(str.endswith),
}


def _name(value: Any) -> str:
    """A value in an error: short, and never a body."""
    match value:
        case None:
            return "nil"
        case bool() | int() | float():
            return _string(value) if not isinstance(value, float) else repr(value)
        case str():
            return repr(value) if len(value) <= 40 else "a long text"
        case list() | range():
            return "a list"
    return "an object"
