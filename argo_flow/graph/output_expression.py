"""`valueFrom.expression` of a steps or dag template's output, in a small part of expr-lang.

The subset: a value, or `condition ? value : value`; values are quoted strings and names such as
`tasks.count.outputs.parameters.rows`; conditions compare them with `==` and `!=`, joined by `&& || !` and
parentheses. Only the branch that is chosen is looked at (argo-workflows workflow/controller/scope.go).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from argo_flow.graph.logic import And, Cursor, Expression, ExpressionError, Not, Or, parse_or
from argo_flow.graph.values import Compare, Literal, Value, as_condition, compare, unquoted

_PATTERN = re.compile(
    r"(?P<space>\s+)|(?P<operator>&&|\|\||[=!]=|[!()?:])"
    r"""|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"|(?P<word>(?:not|and|or)\b)|(?P<name>[A-Za-z_]\w*(?:\.\w+)*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Name(Expression):
    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Choice(Expression):
    condition: Expression
    then: Expression
    otherwise: Expression
    binding: ClassVar[int] = 0

    def __str__(self) -> str:
        return f"{self.condition} ? {self.then.within(1)} : {self.otherwise.within(1)}"


def parse_output_expression(text: str) -> Expression:
    """The expression in `text`. Raises ExpressionError, naming the column."""
    cursor = Cursor(text, _PATTERN)
    expression = parse_or(cursor, _comparison)
    if cursor.take("?"):
        then = _operand(cursor)
        cursor.expect(":")
        expression = Choice(expression, then, _operand(cursor))
    if cursor.peek().kind != "end":
        raise cursor.unexpected()
    return expression


def evaluate_output_expression(text: str, variables: Mapping[str, str | None]) -> str:
    """The output's value. Raises ExpressionError, also for a name that has none."""
    value = _value(parse_output_expression(text), variables)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _comparison(cursor: Cursor) -> Expression:
    left = _operand(cursor)
    while token := cursor.take("==", "!="):
        left = Compare(token.text, left, _operand(cursor))
    return left


def _operand(cursor: Cursor) -> Expression:
    if cursor.take("!", "not"):
        return Not(cursor.nested(_operand))
    if cursor.take("("):
        inner = cursor.nested(lambda nested: parse_or(nested, _comparison))
        cursor.expect(")")
        return inner
    if token := cursor.take_kind("string"):
        return Literal(unquoted(token.text))
    if token := cursor.take_kind("name"):
        return Name(token.text)
    raise cursor.unexpected("instead of a value")


def _value(expression: Expression, variables: Mapping[str, str | None]) -> Value:
    match expression:
        case Literal(value):
            return value
        case Name(name):
            return _found(name, variables)
        case Choice(condition, then, otherwise):
            return _value(then if as_condition(_value(condition, variables)) else otherwise, variables)
        case Compare(operator, left, right):
            return compare(operator, _value(left, variables), _value(right, variables))
        case Not(operand):
            return not as_condition(_value(operand, variables))
        case And(operands):
            return all(as_condition(_value(operand, variables)) for operand in operands)
        case Or(operands):
            return any(as_condition(_value(operand, variables)) for operand in operands)
    raise TypeError(f"{expression!r} is no part of an output's expression")


def _found(name: str, variables: Mapping[str, str | None]) -> str:
    value = variables.get(name)
    if value is None:
        raise ExpressionError(f"{name} has no value")
    return value
