"""A node's log as a file in the kubelet's format: `<RFC 3339 nanoseconds> <stream> <F|P> <text>`.

Source: the CRI log format; containerd cuts lines at 16 KiB and marks every part but the last with P.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from argo_flow.local.clock import rfc3339_nano
from argo_flow.local.events import StreamName

MAX_PART = 16 * 1024
MAX_LINE = 1024 * 1024
"""Bytes of a line that is handed on as one text; a longer one is handed on in pieces."""


class LogFile:
    """Appends to one file, flushed line by line so that followers see it. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)

    def __enter__(self) -> LogFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, stream: StreamName, line: bytes) -> None:
        stamp = rfc3339_nano(time.time_ns())
        parts = [line[at : at + MAX_PART] for at in range(0, len(line), MAX_PART)] or [b""]
        records = [f"{stamp} {stream} P ".encode() + part + b"\n" for part in parts[:-1]]
        records.append(f"{stamp} {stream} F ".encode() + parts[-1] + b"\n")
        self._file.write(b"".join(records))


class Lines:
    """Cuts one stream's chunks into lines."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._on_line = on_line
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            for piece in _pieces(line):
                self._on_line(piece)
        while len(self._rest) >= MAX_LINE:
            self._on_line(self._rest[:MAX_LINE])
            self._rest = self._rest[MAX_LINE:]

    def end(self) -> None:
        """What was written after the last line's end is a line too."""
        if self._rest:
            self._on_line(self._rest)
        self._rest = b""


def _pieces(line: bytes) -> Iterator[bytes]:
    for at in range(0, max(len(line), 1), MAX_LINE):
        yield line[at : at + MAX_LINE]
