"""Server-sent events from bytes that were cut anywhere. Pure.

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation. Lines
end at CR, LF or CRLF only; readers that split text elsewhere (U+2028, form feeds) tear log lines apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

LONGEST_EVENT = 64 * 1024 * 1024
"""Bytes: far above any event of the feed; what is longer does not come from it."""

_END_OF_LINE = re.compile(rb"\r\n|\r|\n")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """`id` is the last one that was sent, by this event or one before it."""

    name: str
    data: str
    id: str


class TooLong(Exception):
    """An event is longer than any that the feed sends."""


class Parser:
    """Feed it chunks; it returns the events that each of them completes."""

    def __init__(self) -> None:
        self._rest = b""
        self._after_cr = False
        self._first = True
        self._name = ""
        self._data: list[bytes] = []
        self._size = 0
        self._id = ""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Raises TooLong."""
        for line in self._lines(chunk):
            if line:
                self._field(line)
            else:
                yield from self._dispatch()

    def _lines(self, chunk: bytes) -> list[bytes]:
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        *lines, self._rest = _END_OF_LINE.split(self._rest + chunk)
        # An LF that comes next belongs to this CR.
        self._after_cr = self._after_cr or chunk.endswith(b"\r")
        if len(self._rest) + self._size > LONGEST_EVENT:
            raise TooLong
        if lines and self._first:
            self._first = False
            lines[0] = lines[0].removeprefix(_BYTE_ORDER_MARK)
        return lines

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value)
        elif name == b"event":
            self._name = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")

    def _dispatch(self) -> Iterator[Event]:
        if self._data:
            data = b"\n".join(self._data).decode("utf-8", "replace")
            yield Event(self._name or "message", data, self._id)
        self._name, self._data, self._size = "", [], 0
