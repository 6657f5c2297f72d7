"""Lines that say which they are: source, number, trace and a checksum, so that a checker misses nothing.

A worker's: `ts=… level=info logger=app trace_id=T src=S n=7 crc=… msg="…"`, as the SDK writes them. An Argo
step's: `src=S n=7 crc=… …`. Numbers count from 0 within one source and trace; nothing in a line is random.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from functools import lru_cache

LENGTH = 200
"""Bytes of a line without its end, about: the usual length of a log line."""

_FILL = "the quick brown fox jumps over the lazy dog "

_LINE = re.compile(r"(?:trace_id=(\S+) )?src=(\S+) n=(\d+) crc=([0-9a-f]{8}) (?:msg=\"([^\"]*)\"|(.*))$")


@dataclass(frozen=True, slots=True)
class Numbered:
    """What a line says. `trace` is None on an Argo step's line; `sound`: the checksum is right."""

    source: str
    number: int
    trace: str | None
    sound: bool


class NumberedLines:
    """The lines that one source writes for one trace.

    Args:
        trace: of a worker's lines; None for an Argo step's.
    """

    def __init__(self, source: str, trace: str | None = None, length: int = LENGTH) -> None:
        head = f"src={source} n=" if trace is None else f"trace_id={trace} src={source} n="
        fixed = len(head) + (77 if trace else 20)
        fill = (_FILL * (1 + max(0, length - fixed) // len(_FILL)))[: max(1, length - fixed)].rstrip()
        self.head = head.encode()
        self.tail = (f' msg="{fill}"' if trace else f" {fill}").encode()
        self.seed = _seed(source, trace, fill)
        self.worker = trace is not None

    def text(self, number: int, ts: str = "2026-01-01T00:00:00.000000Z") -> bytes:
        """Without a line end. `ts` is what a worker's line says of the time."""
        before = f"ts={ts} level=info logger=app ".encode() if self.worker else b""
        crc = zlib.crc32(b"%d" % number, self.seed)
        return b"%b%b%d crc=%08x%b" % (before, self.head, number, crc, self.tail)


def read_line(text: str) -> Numbered | None:
    """None: there is no numbered line in it."""
    match = _LINE.search(text)
    if match is None:
        return None
    trace, source, number, crc, said, plain = match.groups()
    seed = _seed(source, trace, said if said is not None else plain)
    return Numbered(source, int(number), trace, zlib.crc32(number.encode(), seed) == int(crc, 16))


@lru_cache(4096)
def _seed(source: str, trace: str | None, fill: str) -> int:
    return zlib.crc32(f"{source} {trace} {fill} ".encode())
