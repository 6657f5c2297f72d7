"""Timestamps for lines that no runtime has stamped: log files of processes, archived logs. Pure.

Reading the same bytes again gives the same lines, so that a feed can resume within them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from log_streamer.lines.stamps import split_stamp

_TIME = rb"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\d*(?:[Zz]|[+-]\d\d:?\d\d)"
_OWN = re.compile(rb"(?:^\[?|\b(?:ts|time|timestamp)(?:=|\"\s*:\s*)\"?)(" + _TIME + rb")(?!\d)")

_HEAD = 4096
"""Bytes of a line in which its own timestamp is looked for."""


def own_stamp(line: bytes) -> bytes | None:
    """The timestamp that a line begins with, or has as its field `ts`, `time` or `timestamp`."""
    match = _OWN.search(line, 0, _HEAD)
    return split_stamp(match[1])[0] if match else None


_SHAPE = bytes.maketrans(b"123456789", b"000000000")
"""Makes timestamps of one form alike."""

_ZULU = re.compile(rb"0000-00-00T00:00:00(?:\.(0{1,9}))?Z")


@dataclass(frozen=True, slots=True)
class _Form:
    """Where lines of one kind have their timestamp: in bytes `start` to `end`, which is its last `Z`.

    `shape` is what such lines begin with, up to the `Z`, with all digits as zeros.
    """

    shape: bytes
    start: int
    end: int
    padding: bytes

    @classmethod
    def of(cls, line: bytes) -> _Form | None:
        """The form of a line that names its timestamp early and in UTC."""
        match = _OWN.search(line, 0, _HEAD)
        zulu = match and _ZULU.fullmatch(match[1].translate(_SHAPE))
        if not match or not zulu:
            return None
        padding = (b"" if zulu[1] else b".") + b"0" * (9 - len(zulu[1] or b"")) + b"Z"
        return cls(line[: match.end(1)].translate(_SHAPE), match.start(1), match.end(1) - 1, padding)


class Dating:
    """Puts a timestamp before each line: its own, else that of the line before it.

    One that a line begins with is moved there; one within a line is repeated.

    Args:
        first: of the lines before the first that has one.
    """

    def __init__(self, first: bytes) -> None:
        self._last = first
        self._form: _Form | None = None

    def feed(self, block: bytes) -> bytes:
        """`block` is whole lines, each with its end; so is what comes back."""
        lines = block.split(b"\n")[:-1]
        form = self._form or self._learn(lines)
        if form is None:
            return b"".join(map(self._line, lines))
        return self._quick(lines, form)

    def _learn(self, lines: list[bytes]) -> _Form | None:
        """The form of the first line that has one: most other lines of a log are like it."""
        self._form = next((form for line in lines[:100] if (form := _Form.of(line))), None)
        return self._form

    def _quick(self, lines: list[bytes], form: _Form) -> bytes:
        """Lines of the form without a search. The loop is unrolled into locals: it runs for every line."""
        shape, start, end, padding = form.shape, form.start, form.end, form.padding
        length, leads = len(shape), form.start == 0
        dated: list[bytes] = []
        for line in lines:
            if line[:length].translate(_SHAPE) != shape or (leads and line[length : length + 1] != b" "):
                dated.append(self._line(line))
                continue
            self._last = stamp = line[start:end] + padding
            dated.append(stamp + line[length:] + b"\n" if leads else b"%s %s\n" % (stamp, line))
        return b"".join(dated)

    def _line(self, line: bytes) -> bytes:
        stamp, text = split_stamp(line)
        self._last = stamp or own_stamp(line) or self._last
        return b"%s %s\n" % (self._last, text)
