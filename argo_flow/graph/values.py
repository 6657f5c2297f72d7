"""Literals and comparisons of `when` and retry expressions."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar, TypeAlias

from argo_flow.graph.logic import Expression, ExpressionError, Token

Value: TypeAlias = bool | float | str

COMPARATORS = ("==", "!=", "<=", ">=", "<", ">")


@dataclass(frozen=True, slots=True)
class Literal(Expression):
    value: Value

    def __str__(self) -> str:
        match self.value:
            case bool():
                return "true" if self.value else "false"
            case str():
                return quoted(self.value)
            case _:
                return format(Decimal(repr(self.value)), "f")


@dataclass(frozen=True, slots=True)
class Compare(Expression):
    operator: str
    left: Expression
    right: Expression
    binding: ClassVar[int] = 5

    def __str__(self) -> str:
        return f"{self.left.within(5)} {self.operator} {self.right.within(6)}"


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def unquoted(token: str) -> str:
    """The text between quotes, a backslash standing before a character that is meant as it is."""
    body, out, position = token[1:-1], "", 0
    while position < len(body):
        position += body[position] == "\\"
        out += body[position]
        position += 1
    return out


def number(token: Token) -> float:
    """Raises ExpressionError for a number that a float cannot hold."""
    value = float(token.text)
    if not math.isfinite(value):
        raise ExpressionError(f"column {token.column}: the number is too large")
    return value


def same(left: Value, right: Value) -> bool:
    """Equality as both languages have it: values of different types are never equal."""
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def compare(operator: str, left: Value, right: Value) -> bool:
    """Raises ExpressionError when `<` and its like meet anything but two numbers or two strings."""
    if operator in ("==", "!="):
        return same(left, right) == (operator == "==")
    if isinstance(left, bool) or isinstance(right, bool) or isinstance(left, str) != isinstance(right, str):
        raise ExpressionError(f"{left!r} {operator} {right!r}: only numbers or strings can be ordered")
    before, equal = left < right, left == right  # type: ignore[operator]  # both str or both float here
    match operator:
        case "<":
            return before
        case "<=":
            return before or equal
        case ">":
            return not (before or equal)
        case _:
            return not before


def as_condition(value: Value) -> bool:
    """Raises ExpressionError when `value` is no boolean."""
    if not isinstance(value, bool):
        raise ExpressionError(f"{value!r} is not true or false")
    return value
