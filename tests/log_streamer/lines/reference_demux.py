"""What the demultiplexer must find, told line by line without a regular expression."""

from __future__ import annotations

from collections.abc import Collection, Iterable

_ALPHANUMERIC = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_OF_ID = _ALPHANUMERIC | frozenset(b"._-")
_OF_WORD = _OF_ID | frozenset(b"\\")
_AFTER = frozenset(b'" \t\r\x0b\x0c,;)]}')
_SPACES = frozenset(b" \t\r\x0b\x0c")
_HEADS = (
    b"Traceback (most recent call last)",
    b"During handling of the above exception",
    b"The above exception was the direct cause",
    b"Caused by: ",
    b"Suppressed: ",
    b"... ",
)
EXCEPTIONS = (b"ValueError", b"java.lang.IllegalStateException", b"KeyboardInterrupt", b"ExceptionGroup")
"""How lines that end a traceback begin, in generated logs."""


def reference_owner(text: bytes) -> bytes | None:
    return _of_json(text) if text[:1] == b"{" else _of_text(text)


def _of_text(text: bytes) -> bytes | None:
    """The last word `trace_id=<id>`."""
    found, at = None, text.find(b"trace_id=")
    while at >= 0:
        rest = text[at + 9 :]
        rest = rest[1:] if rest[:1] == b'"' else rest
        size = _id_size(rest)
        stands_alone = at == 0 or text[at - 1] not in _OF_WORD
        if stands_alone and size and (size == len(rest) or rest[size] in _AFTER):
            found = rest[:size]
        at = text.find(b"trace_id=", at + 1)
    return found


def _of_json(text: bytes) -> bytes | None:
    """The first field `"trace_id": "<id>"`."""
    at = text.find(b'"trace_id"')
    while at >= 0:
        rest = _without_space(text[at + 10 :])
        if rest[:1] == b":":
            rest = _without_space(rest[1:])
            size = _id_size(rest[1:]) if rest[:1] == b'"' else 0
            if size and rest[1 + size : 2 + size] == b'"':
                return rest[1 : 1 + size]
        at = text.find(b'"trace_id"', at + 1)
    return None


def _without_space(rest: bytes) -> bytes:
    return rest[1:] if rest and rest[0] in _SPACES else rest


def _id_size(rest: bytes) -> int:
    if not rest or rest[0] not in _ALPHANUMERIC:
        return 0
    return next((n for n, byte in enumerate(rest) if byte not in _OF_ID), len(rest))


class Reference:
    """One line at a time: a line is of the trace that it names, or of the one that it continues."""

    def __init__(self) -> None:
        self._current: bytes | None = None
        self._inside = False

    def take(
        self, lines: Iterable[tuple[bytes, bytes]], wanted: Collection[bytes]
    ) -> dict[bytes, list[bytes]]:
        """`lines`: each with its text."""
        found: dict[bytes, list[bytes]] = {}
        for line, text in lines:
            owner = reference_owner(text)
            if owner is not None:
                self._current, self._inside = owner, False
            elif not self._continues(text):
                self._current = None
            if self._current in wanted and self._current is not None:
                found.setdefault(self._current, []).append(line)
        return found

    def _continues(self, text: bytes) -> bool:
        if self._current is None:
            return False
        if text[:1] in (b" ", b"\t") or text.startswith(_HEADS) or (self._inside and not text.strip()):
            self._inside = True
            return True
        return self._inside and text.startswith(EXCEPTIONS)
