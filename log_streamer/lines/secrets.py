"""Secrets that programs wrote into their logs are masked before anyone reads or searches them.

Patterns know what secrets look like, not what they are: this is a net under the applications, not a
promise. Linear-time regular expressions (RE2): a crafted line cannot stall the feed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2

from log_streamer.lines.terminal import colourless

MASK = "[redacted]"

_NAMES = (
    r"(?:[\w-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)"
    r"|pwd|authorization)"
)
_PATTERNS: tuple[tuple[str, str], ...] = (
    # "name": "value" as JSON, as JSON inside of JSON, and as Python prints it
    (rf'(?i)(\b{_NAMES}"?\s?[=:]\s?")((?:[^"\\]|\\.)+)', rf"\1{MASK}"),
    (rf'(?i)(\b{_NAMES}\\"\s?:\s?\\")([^"\\]+)', rf"\1{MASK}"),
    (rf"(?i)(\b{_NAMES}'?\s?[=:]\s?')([^']+)", rf"\1{MASK}"),
    # name=value, Authorization: Bearer value
    (rf"(?i)(\b{_NAMES}\s?[=:]\s?(?:(?:bearer|basic)\s)?)([^\s\"'\\&,;\[][^\s\"'&,;]*)", rf"\1{MASK}"),
    (r"(?i)\b((?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{12,}", rf"\1{MASK}"),
    # https://user:value@host
    (r"(://[^/\s:@\"']{0,256}:)[^@/\s\"']{1,256}(@)", rf"\1{MASK}\2"),
    # Keys with a shape of their own: AWS, JWT, GitHub, Slack, PEM
    (r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b", MASK),
    (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*", MASK),
    (r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|xox[abprs]-[A-Za-z0-9-]{10,})\b", MASK),
    (r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----.*", MASK),
)


class Redactor:
    """Masks secrets; `extra` are an operator's own patterns, masked as a whole.

    Raises ValueError, naming the pattern, for one that RE2 does not take.
    """

    def __init__(self, extra: Sequence[str] = ()) -> None:
        patterns = [*_PATTERNS, *((pattern, MASK) for pattern in extra)]
        self._rules = [(_compiled(pattern), mask) for pattern, mask in patterns]
        self._any = _compiled("|".join(f"(?:{pattern})" for pattern, _ in patterns))

    def suspects(self, block: bytes | str) -> bool:
        """Whether anything in a block of lines looks like a secret: one look for many lines. Bytes must be
        ASCII: RE2 finds nothing in what is not UTF-8."""
        return self._any.search(block) is not None

    def mask(self, text: str) -> str:
        """Colours between a secret's name and its value do not hide it; they go with it."""
        plain = colourless(text)
        if plain is not text and (masked := self._masked(plain)) != plain:
            return masked
        return self._masked(text)

    def _masked(self, text: str) -> str:
        for pattern, mask in self._rules:
            text = pattern.sub(mask, text)
        return text


def compiled_grep(pattern: str) -> Any:
    """A viewer's own pattern. Raises ValueError in words for the viewer."""
    return _compiled(pattern)


def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "not a regular expression"
        words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"{pattern!r}: {words}") from None
