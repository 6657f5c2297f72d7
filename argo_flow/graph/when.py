"""`when`: whether a step runs, in the language of govaluate, after `{{…}}` was substituted as text.

The subset: `== != < <= > >= && || !`, parentheses, numbers, quoted strings, and bare words, which Argo reads
as strings (argo-workflows workflow/controller/steps.go, shouldExecute). Arithmetic, functions and the rest of
govaluate are refused.
"""

from __future__ import annotations

import re

from argo_flow.graph.logic import And, Cursor, Expression, ExpressionError, Not, Or, parse_logic, parse_or
from argo_flow.graph.values import (
    COMPARATORS,
    Compare,
    Literal,
    Value,
    as_condition,
    compare,
    number,
    unquoted,
)

_PATTERN = re.compile(
    r"(?P<space>\s+)|(?P<operator>&&|\|\||[=!<>]=|[!<>()-])"
    r"""|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
    r"|(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<bare>[^\W\d]\w*)",
    re.DOTALL,
)


def parse_when(text: str) -> Expression:
    """The condition in `text`. Raises ExpressionError, naming the column."""
    return parse_logic(text, _PATTERN, _comparison)


def evaluate_when(text: str) -> bool:
    """Whether a step with this `when` runs. Raises ExpressionError; the node is then in Error."""
    try:
        return as_condition(_value(parse_when(text)))
    except ExpressionError as error:
        raise ExpressionError(
            f"invalid 'when' expression {text!r}: {error} (hint: put quotes around values)"
        ) from None


def _comparison(cursor: Cursor) -> Expression:
    left = _operand(cursor)
    while token := cursor.take(*COMPARATORS):
        left = Compare(token.text, left, _operand(cursor))
    return left


def _operand(cursor: Cursor) -> Expression:
    if cursor.take("!"):
        return Not(cursor.nested(_operand))
    if cursor.take("("):
        inner = cursor.nested(lambda nested: parse_or(nested, _comparison))
        cursor.expect(")")
        return inner
    sign = -1.0 if cursor.take("-") else 1.0
    if token := cursor.take_kind("number"):
        return Literal(sign * number(token))
    if sign < 0:
        raise cursor.unexpected("after '-': only numbers have a sign")
    if token := cursor.take_kind("string"):
        return Literal(unquoted(token.text))
    if token := cursor.take_kind("bare"):
        return Literal(token.text == "true" if token.text in ("true", "false") else token.text)
    raise cursor.unexpected("instead of a value")


def _value(expression: Expression) -> Value:
    match expression:
        case Literal(value):
            return value
        case Compare(operator, left, right):
            return compare(operator, _value(left), _value(right))
        case Not(operand):
            return not as_condition(_value(operand))
        case And(operands):
            return all(as_condition(_value(operand)) for operand in operands)
        case Or(operands):
            return any(as_condition(_value(operand)) for operand in operands)
    raise TypeError(f"{expression!r} is no part of a when condition")
