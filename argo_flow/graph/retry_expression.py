"""`retryStrategy.expression`: whether a failed attempt is worth another one, in a subset of expr-lang.

Variables `lastRetry.exitCode .status .duration .message` and `retries` are **strings** (argo-workflows
workflow/controller/operator.go, buildRetryStrategyLocalScope): `lastRetry.exitCode > 1` is an error,
`asInt(lastRetry.exitCode) > 1` is meant. The subset: comparisons, `in` and `not in` a list, `contains`,
`startsWith` and `endsWith`, `&& || !` (also as words), parentheses, asInt and asFloat.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from argo_flow.graph.logic import And, Cursor, Expression, ExpressionError, Not, Or, parse_logic, parse_or
from argo_flow.graph.values import (
    COMPARATORS,
    Compare,
    Literal,
    Value,
    as_condition,
    compare,
    number,
    same,
    unquoted,
)

VARIABLES = ("lastRetry.exitCode", "lastRetry.status", "lastRetry.duration", "lastRetry.message", "retries")
FUNCTIONS = ("asInt", "asFloat")
TEXT_OPERATORS = ("contains", "startsWith", "endsWith")

_PATTERN = re.compile(
    r"(?P<space>\s+)|(?P<operator>&&|\|\||[=!<>]=|[!<>()\[\],-])"
    r"""|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<word>(?:in|not|and|or|true|false|contains|startsWith|endsWith)\b)|(?P<name>[A-Za-z_][\w.]*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Variable(Expression):
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Cast(Expression):
    """asInt or asFloat of a string."""

    function: str
    operand: Expression

    def __str__(self) -> str:
        return f"{self.function}({self.operand})"


@dataclass(frozen=True, slots=True)
class In(Expression):
    member: Expression
    values: tuple[Expression, ...]
    binding: ClassVar[int] = 5

    def __str__(self) -> str:
        return f"{self.member.within(6)} in [{', '.join(str(value) for value in self.values)}]"


@dataclass(frozen=True, slots=True)
class TextTest(Expression):
    """`text contains part`, and its like; both are strings."""

    operator: str
    text: Expression
    part: Expression
    binding: ClassVar[int] = 5

    def __str__(self) -> str:
        return f"{self.text.within(6)} {self.operator} {self.part.within(6)}"


def parse_retry_expression(text: str) -> Expression:
    """The expression in `text`. Raises ExpressionError, naming the column."""
    return parse_logic(text, _PATTERN, _comparison)


def evaluate_retry_expression(text: str, variables: Mapping[str, str]) -> bool:
    """Whether to try again; `variables` has a value for each of VARIABLES. Raises ExpressionError."""
    return as_condition(_value(parse_retry_expression(text), variables))


def _comparison(cursor: Cursor) -> Expression:
    left = _operand(cursor)
    while True:
        if token := cursor.take(*COMPARATORS):
            left = Compare(token.text, left, _operand(cursor))
        elif token := cursor.take(*TEXT_OPERATORS):
            left = TextTest(token.text, left, _operand(cursor))
        elif cursor.take("in"):
            left = In(left, _list(cursor))
        elif cursor.take("not"):
            cursor.expect("in")
            left = Not(In(left, _list(cursor)))
        else:
            return left


def _list(cursor: Cursor) -> tuple[Expression, ...]:
    cursor.expect("[")
    if cursor.take("]"):
        return ()
    values = [_operand(cursor)]
    while cursor.take(","):
        values.append(_operand(cursor))
    cursor.expect("]")
    return tuple(values)


def _operand(cursor: Cursor) -> Expression:
    if cursor.take("!", "not"):
        return Not(cursor.nested(_operand))
    if cursor.take("("):
        inner = cursor.nested(lambda nested: parse_or(nested, _comparison))
        cursor.expect(")")
        return inner
    if token := cursor.take_kind("string"):
        return Literal(unquoted(token.text))
    if token := cursor.take("true", "false"):
        return Literal(token.text == "true")
    if token := cursor.take_kind("name"):
        return _named(token.text, cursor)
    sign = -1.0 if cursor.take("-") else 1.0
    if token := cursor.take_kind("number"):
        return Literal(sign * number(token))
    raise cursor.unexpected("instead of a value")


def _named(name: str, cursor: Cursor) -> Expression:
    if name in FUNCTIONS:
        cursor.expect("(")
        inner = cursor.nested(_operand)
        cursor.expect(")")
        return Cast(name, inner)
    if name not in VARIABLES:
        raise ExpressionError(f"{name!r} is not known here; there are {', '.join(VARIABLES + FUNCTIONS)}")
    return Variable(name)


def _value(expression: Expression, variables: Mapping[str, str]) -> Value:
    match expression:
        case Literal(value):
            return value
        case Variable(name):
            return variables[name]
        case Cast(function, operand):
            return _cast(function, _value(operand, variables))
        case Compare(operator, left, right):
            return compare(operator, _value(left, variables), _value(right, variables))
        case In(member, values):
            wanted = _value(member, variables)
            return any(same(wanted, _value(value, variables)) for value in values)
        case TextTest(operator, text, part):
            return _text_test(operator, _value(text, variables), _value(part, variables))
        case Not(operand):
            return not as_condition(_value(operand, variables))
        case And(operands):
            return all(as_condition(_value(operand, variables)) for operand in operands)
        case Or(operands):
            return any(as_condition(_value(operand, variables)) for operand in operands)
    raise TypeError(f"{expression!r} is no part of a retry expression")


def _text_test(operator: str, text: Value, part: Value) -> bool:
    if not isinstance(text, str) or not isinstance(part, str):
        raise ExpressionError(f"{text!r} {operator} {part!r}: only texts have parts")
    match operator:
        case "contains":
            return part in text
        case "startsWith":
            return text.startswith(part)
        case _:
            return text.endswith(part)


def _cast(function: str, value: Value) -> float:
    try:
        return float(int(value) if function == "asInt" else float(value))
    except ValueError:
        raise ExpressionError(f"{function} cannot read {value!r}") from None
