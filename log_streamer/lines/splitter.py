"""Chunks, cut anywhere, into blocks of whole lines."""

from __future__ import annotations

MAX_LINE = 1024 * 1024
"""Bytes kept of one line while it is read; what comes beyond is dropped. The API sets no bound of its own."""


class Splitter:
    """Keeps the piece of a line that a chunk ended with, until its end arrives."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._rest = bytearray()

    def feed(self, chunk: bytes) -> bytes:
        """Whole lines, each ended by `\\n`; empty when the chunk completed none."""
        end = chunk.rfind(b"\n")
        if end < 0:
            self._keep(chunk)
            return b""
        if self._rest:
            first = chunk.find(b"\n")
            self._keep(chunk[:first])
            block = bytes(self._rest) + chunk[first : end + 1]
            self._rest.clear()
        else:
            block = chunk[: end + 1] if end + 1 < len(chunk) else chunk
        self._keep(chunk[end + 1 :])
        return block

    def end(self) -> bytes:
        """What was written after the last line's end, as a line; only where the log really ended."""
        rest, self._rest = bytes(self._rest), bytearray()
        return rest + b"\n" if rest else b""

    def _keep(self, piece: bytes) -> None:
        room = self._limit - len(self._rest)
        self._rest += piece[: max(0, room)]
