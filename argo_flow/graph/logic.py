"""What Argo's condition languages have in common: tokens, and `||`, `&&`, `!` with parentheses."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

MAX_DEPTH = 64
"""Nesting levels of parentheses and negations; beyond it an expression is refused, not recursed into."""


class ExpressionError(ValueError):
    """An expression that cannot be read or evaluated; the text says where and why."""


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is the name of the group of the language's pattern that matched; columns count from 1."""

    kind: str
    text: str
    column: int


class Expression:
    """A node of a condition. `binding` orders operators: an operand that binds weaker is put in brackets."""

    __slots__ = ()
    binding: ClassVar[int] = 9

    def within(self, binding: int) -> str:
        return f"({self})" if self.binding < binding else str(self)


@dataclass(frozen=True, slots=True)
class Or(Expression):
    operands: tuple[Expression, ...]
    binding: ClassVar[int] = 1

    def __str__(self) -> str:
        return " || ".join(operand.within(2) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class And(Expression):
    operands: tuple[Expression, ...]
    binding: ClassVar[int] = 2

    def __str__(self) -> str:
        return " && ".join(operand.within(3) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Not(Expression):
    operand: Expression
    binding: ClassVar[int] = 8

    def __str__(self) -> str:
        return f"!{self.operand.within(8)}"


class Cursor:
    """The tokens of one expression, read from left to right."""

    def __init__(self, text: str, pattern: re.Pattern[str]) -> None:
        self._tokens = _tokens(text, pattern)
        self._next = 0
        self._depth = 0

    def peek(self) -> Token:
        return self._tokens[self._next]

    def take(self, *texts: str) -> Token | None:
        """The next token if it is an operator or word with one of these texts."""
        token = self.peek()
        if token.kind in ("operator", "word") and token.text in texts:
            self._next += 1
            return token
        return None

    def take_kind(self, kind: str) -> Token | None:
        token = self.peek()
        if token.kind != kind:
            return None
        self._next += 1
        return token

    def expect(self, text: str) -> None:
        if self.take(text) is None:
            raise self.unexpected(f"instead of {text!r}")

    def unexpected(self, note: str = "") -> ExpressionError:
        token = self.peek()
        what = "the end" if token.kind == "end" else repr(token.text)
        return ExpressionError(f"column {token.column}: unexpected {what} {note}".rstrip())

    def nested(self, parse: Callable[[Cursor], Expression]) -> Expression:
        """Parse one level deeper. Raises ExpressionError beyond MAX_DEPTH."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionError(f"more than {MAX_DEPTH} levels of nesting")
        inner = parse(self)
        self._depth -= 1
        return inner


def parse_logic(text: str, pattern: re.Pattern[str], operand: Callable[[Cursor], Expression]) -> Expression:
    """`operand (("&&" | "||") operand)*`, and binding tighter. Raises ExpressionError."""
    cursor = Cursor(text, pattern)
    expression = parse_or(cursor, operand)
    if cursor.peek().kind != "end":
        raise cursor.unexpected()
    return expression


def parse_or(cursor: Cursor, operand: Callable[[Cursor], Expression]) -> Expression:
    operands = [_parse_and(cursor, operand)]
    while cursor.take("||", "or"):
        operands.append(_parse_and(cursor, operand))
    return operands[0] if len(operands) == 1 else Or(tuple(operands))


def _parse_and(cursor: Cursor, operand: Callable[[Cursor], Expression]) -> Expression:
    operands = [operand(cursor)]
    while cursor.take("&&", "and"):
        operands.append(operand(cursor))
    return operands[0] if len(operands) == 1 else And(tuple(operands))


def _tokens(text: str, pattern: re.Pattern[str]) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = pattern.match(text, position)
        if match is None or match.lastgroup is None:
            raise ExpressionError(f"column {position + 1}: cannot read {text[position : position + 12]!r}")
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup, match.group(), position + 1))
        position = match.end()
    return [*tokens, Token("end", "", len(text) + 1)]
