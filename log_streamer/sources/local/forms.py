"""What files hold, made into the lines of a LogSource. Pure.

A form takes a file's bytes in pieces cut anywhere, and gives whole lines with a timestamp before each.
"""

from __future__ import annotations

from typing import Protocol

from log_streamer.lines.stamps import ZERO, split_stamp, stamp_of
from log_streamer.sources.undated import Dating

LONGEST_LINE = 16 << 20
"""Bytes of a line that are kept together. A longer one comes in pieces: a file without line ends must
not fill the memory."""

_FULL = frozenset({b"Z stdout F ", b"Z stderr F "})
"""What stands between the time and the text of a line that is whole: bytes 29 to 40."""


class Form(Protocol):
    """Of one file, from its beginning on."""

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes:
        """The file is complete: what is left of it, as a line."""
        ...


class _Lines:
    """Cuts pieces into blocks of whole lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        data = self._rest + data if self._rest else data
        cut = data.rfind(b"\n") + 1
        self._rest = data[cut:]
        if len(self._rest) > LONGEST_LINE:
            return data[:cut] + self.end()
        return data[:cut]

    def end(self) -> bytes:
        rest, self._rest = self._rest, b""
        return rest + b"\n" if rest else b""


class Plain:
    """Log lines as a process writes them. `first` dates those before the first line with a timestamp."""

    def __init__(self, first: bytes, since: int | None) -> None:
        self._lines = _Lines()
        self._dating = Dating(first)
        self._oldest = _stamp(since)

    def feed(self, data: bytes) -> bytes:
        block = self._lines.feed(data)
        return _not_older(self._dating.feed(block), self._oldest) if block else b""

    def end(self) -> bytes:
        block = self._lines.end()
        return _not_older(self._dating.feed(block), self._oldest) if block else b""


class Cri:
    """The kubelet's format, `<time> <stream> <F|P> <text>`: lines in parts (P) become whole again.

    Source: Kubernetes' CRI log format; containerd cuts lines at 16 KiB.
    """

    def __init__(self, since: int | None) -> None:
        self._lines = _Lines()
        self._parts: dict[bytes, list[bytes]] = {}
        self._last = ZERO
        self._oldest = _stamp(since)

    def feed(self, data: bytes) -> bytes:
        block = self._lines.feed(data)
        return _not_older(self._joined(block), self._oldest) if block else b""

    def end(self) -> bytes:
        block = self._lines.end()
        whole = self._joined(block) if block else b""
        whole += b"".join(self._flush(stream) for stream in sorted(self._parts))
        return _not_older(whole, self._oldest)

    def _joined(self, block: bytes) -> bytes:
        lines = block.split(b"\n")[:-1]
        if not self._parts and {line[29:40] for line in lines} <= _FULL:
            return b"".join([line[:38] + line[40:] + b"\n" for line in lines])
        return b"".join(map(self._line, lines))

    def _line(self, line: bytes) -> bytes:
        stamp, rest = split_stamp(line)
        stream, _, tagged = rest.partition(b" ")
        tags, _, text = tagged.partition(b" ")
        if stamp is None or stream not in (b"stdout", b"stderr"):
            return b"%s stdout %s\n" % (self._last, line)
        self._last = stamp
        parts = self._parts.setdefault(stream, [b"%s %s " % (stamp, stream)])
        parts.append(text)
        part = tags.partition(b":")[0] == b"P"
        return b"" if part and sum(map(len, parts)) < LONGEST_LINE else self._flush(stream)

    def _flush(self, stream: bytes) -> bytes:
        return b"".join(self._parts.pop(stream)) + b"\n"


def _stamp(since: int | None) -> bytes:
    return b"" if since is None else stamp_of(since)


def _not_older(block: bytes, oldest: bytes) -> bytes:
    if not oldest or not block:
        return block
    return b"".join([line + b"\n" for line in block.split(b"\n")[:-1] if line >= oldest])
