"""The Engine API's log stream, made into the lines of a LogSource. Pure.

Without a terminal, output comes in frames: a byte for the stream, three zero bytes, the length as 32 bits,
big endian, then the text. With `timestamps` each frame begins with one. A line that is longer than the
engine's buffer (16 KiB) comes in several frames; only the last of them ends with a newline.
Podman 4.3.1 writes whole seconds in its own zone, and a newline after each part, so that such lines stay cut.
Sources: Docker Engine API, ContainerAttach ("Stream format"); moby daemon/logger/copier.go.
"""

from __future__ import annotations

import struct
from typing import Protocol

from log_streamer.lines.stamps import ZERO, split_stamp

_HEADER = struct.Struct(">BxxxL")
_STREAMS = {0: b"stdout", 1: b"stdout", 2: b"stderr"}

LONGEST_LINE = 16 << 20
"""Bytes of a line that are kept together; a longer one comes in pieces."""


class Decoder(Protocol):
    """Takes the stream in pieces cut anywhere, and gives whole tagged lines."""

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes:
        """The log is complete: what has no line end is a line too."""
        ...


class Frames:
    """Of a container without a terminal. `first`: lines older than this timestamp are left out."""

    def __init__(self, first: bytes = b"") -> None:
        self._rest = b""
        self._open: dict[bytes, list[bytes]] = {}
        self._first = first

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data
        at, lines = 0, []
        while len(data) - at >= _HEADER.size:
            kind, length = _HEADER.unpack_from(data, at)
            if len(data) - at - _HEADER.size < length:
                break
            at += _HEADER.size + length
            if stream := _STREAMS.get(kind):
                lines += self._frame(stream, data[at - length : at])
        self._rest = data[at:]
        return b"".join(lines)

    def end(self) -> bytes:
        lines = [line for stream in sorted(self._open) for line in self._finish(stream)]
        self._rest = b""
        return b"".join(lines)

    def _frame(self, stream: bytes, frame: bytes) -> list[bytes]:
        stamp, text = split_stamp(frame)
        parts = self._open.setdefault(stream, [b"%s %s " % (stamp or ZERO, stream)])
        parts.append(text.removesuffix(b"\n"))
        if frame.endswith(b"\n") or sum(map(len, parts)) > LONGEST_LINE:
            return self._finish(stream)
        return []

    def _finish(self, stream: bytes) -> list[bytes]:
        line = b"".join(self._open.pop(stream)) + b"\n"
        return [line] if line >= self._first else []


class Terminal:
    """Of a container with a terminal: one stream without frames, whose lines end with `\\r\\n`."""

    def __init__(self, first: bytes = b"") -> None:
        self._rest = b""
        self._first = first

    def feed(self, data: bytes) -> bytes:
        *lines, self._rest = (self._rest + data).split(b"\n")
        return b"".join(map(self._line, lines))

    def end(self) -> bytes:
        rest, self._rest = self._rest, b""
        return self._line(rest) if rest else b""

    def _line(self, line: bytes) -> bytes:
        stamp, text = split_stamp(line)
        stamped = b"%s stdout %s\n" % (stamp or ZERO, text.removesuffix(b"\r"))
        return stamped if stamped >= self._first else b""
