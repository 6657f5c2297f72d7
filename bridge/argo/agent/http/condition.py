"""`successCondition`: a part of the language expr, as Argo's own agent reads it.

Understood: literals, lists, `a..b`, `response.…` and `request.…` with `.name` and `[…]`; `== != < <= > >=`,
`in contains startsWith endsWith matches` and their `not`; `&& || !` also as words; parentheses; the functions
below. Anything else is refused: better no answer than a wrong one.

Source: argo-workflows, util/expr/argoexpr/eval.go, which knows expr's own functions and none of Argo's (no
`jsonpath`, no `sprig`); the language's own definition for operators and their order.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from argo_flow.graph.logic import MAX_DEPTH, Cursor, Expression, ExpressionError, Not, parse_logic, parse_or

LENGTH_LIMIT = 4096
"""Characters of a condition."""

ROOTS = ("request", "response")
FUNCTIONS = {
    "len": 1,
    "int": 1,
    "float": 1,
    "string": 1,
    "lower": 1,
    "upper": 1,
    "trim": 1,
    "fromJSON": 1,
    "hasPrefix": 2,
    "hasSuffix": 2,
}
"""And how many arguments each takes."""

COMPARATORS = ("==", "!=", "<=", ">=", "<", ">")
WORDS = ("in", "contains", "startsWith", "endsWith", "matches")

_CONSTANTS = {"true": True, "false": False, "nil": None}
_UNREADABLE = ("bodyBytes",)  # in Argo, a list of numbers that nobody compares

_PATTERN = re.compile(
    r"(?P<space>\s+)|(?P<operator>&&|\|\||[=!<>]=|\.\.|[!<>()\[\].,-])"
    r"""|(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)"""
    r"|(?P<number>[0-9]{1,18}(?:\.[0-9]{1,18})?)"
    r"|(?P<word>(?:in|not|and|or|true|false|nil|contains|startsWith|endsWith|matches)\b)"
    r"|(?P<name>[A-Za-z_]\w*)",
    re.DOTALL,
)

_ESCAPE = re.compile(r"\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}


@dataclass(frozen=True, slots=True)
class Constant(Expression):
    value: Any


@dataclass(frozen=True, slots=True)
class Listed(Expression):
    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Span(Expression):
    """`first..last`, both included."""

    first: Expression
    last: Expression


@dataclass(frozen=True, slots=True)
class Root(Expression):
    name: str


@dataclass(frozen=True, slots=True)
class Item(Expression):
    """`of.key` or `of[key]`."""

    of: Expression
    key: Expression


@dataclass(frozen=True, slots=True)
class Call(Expression):
    function: str
    arguments: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    operator: str
    left: Expression
    right: Expression


def parse_condition(text: str) -> Expression:
    """Raises ExpressionError, naming the column."""
    if len(text) > LENGTH_LIMIT:
        raise ExpressionError(f"longer than {LENGTH_LIMIT} characters")
    return parse_logic(text, _PATTERN, _comparison)


def _comparison(cursor: Cursor) -> Expression:
    left = _span(cursor)
    negated = cursor.take("not")
    operator = cursor.take(*WORDS) if negated else cursor.take(*WORDS, *COMPARATORS)
    if operator is None:
        if negated:
            raise cursor.unexpected("after 'not'")
        return left
    found = Binary(operator.text, left, _span(cursor))
    if cursor.peek().text in (*WORDS, *COMPARATORS, "not") and cursor.peek().kind in ("operator", "word"):
        raise cursor.unexpected("after a comparison: put it in parentheses")
    return Not(found) if negated else found


def _span(cursor: Cursor) -> Expression:
    first = _unary(cursor)
    return Span(first, _unary(cursor)) if cursor.take("..") else first


def _unary(cursor: Cursor) -> Expression:
    if cursor.take("!", "not"):
        return Not(cursor.nested(_unary))
    if cursor.take("-"):
        token = cursor.take_kind("number")
        if token is None:
            raise cursor.unexpected("after '-': only numbers have a sign")
        return Constant(-_number(token.text))
    return _items(cursor, _primary(cursor))


def _items(cursor: Cursor, of: Expression) -> Expression:
    for _ in range(MAX_DEPTH):
        if cursor.take("."):
            of = Item(of, Constant(_member(cursor)))
        elif cursor.take("["):
            of = Item(of, cursor.nested(_any))
            cursor.expect("]")
        else:
            return of
    raise ExpressionError(f"more than {MAX_DEPTH} levels of nesting")


def _member(cursor: Cursor) -> str:
    token = cursor.take_kind("name") or cursor.take_kind("word")
    if token is None:
        raise cursor.unexpected("instead of a name")
    if token.text in _UNREADABLE:
        raise ExpressionError(f"column {token.column}: {token.text} cannot be used here")
    return token.text


def _primary(cursor: Cursor) -> Expression:
    if cursor.take("("):
        inner = cursor.nested(_any)
        cursor.expect(")")
        return inner
    if cursor.take("["):
        return Listed(_arguments(cursor, "]"))
    if token := cursor.take_kind("string"):
        return Constant(_unquoted(token.text, token.column))
    if token := cursor.take_kind("number"):
        return Constant(_number(token.text))
    if token := cursor.take(*_CONSTANTS):
        return Constant(_CONSTANTS[token.text])
    if token := cursor.take_kind("name"):
        return _named(cursor, token.text, token.column)
    raise cursor.unexpected("instead of a value")


def _named(cursor: Cursor, name: str, column: int) -> Expression:
    if name in ROOTS:
        return Root(name)
    if name not in FUNCTIONS:
        known = ", ".join((*ROOTS, *FUNCTIONS))
        raise ExpressionError(f"column {column}: {name} is not known here; there are {known}")
    cursor.expect("(")
    arguments = _arguments(cursor, ")")
    if len(arguments) != FUNCTIONS[name]:
        raise ExpressionError(f"column {column}: {name} takes {FUNCTIONS[name]}, not {len(arguments)} values")
    return Call(name, arguments)


def _arguments(cursor: Cursor, closing: str) -> tuple[Expression, ...]:
    if cursor.take(closing):
        return ()
    items = [cursor.nested(_any)]
    while cursor.take(","):
        items.append(cursor.nested(_any))
    cursor.expect(closing)
    return tuple(items)


def _any(cursor: Cursor) -> Expression:
    return parse_or(cursor, _comparison)


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _unquoted(token: str, column: int) -> str:
    if token[0] == "`":
        return token[1:-1]

    def meant(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        if code:
            return chr(int(code, 16))
        if match[3] not in _ESCAPED:
            raise ExpressionError(f"column {column}: the escape \\{match[3]} is not known here")
        return _ESCAPED[match[3]]

    return _ESCAPE.sub(meant, token[1:-1])
