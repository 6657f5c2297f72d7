"""Which lines of a worker's log belong to which trace.

A line belongs to the trace that it names: by the field `"trace_id": "<id>"` when it is a JSON object,
else by the word `trace_id=<id>`. In text the last such word counts, since that is the one that
crossover_sdk appends; in JSON the first such field, since it stands before anything a message may hold.
`wf-1` never matches `wf-10`, and `parent_trace_id=` is another word. Lines that continue a line
(tracebacks) go where their head went.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

SEARCHED_ONE_BY_ONE = 4
"""Traces up to which each is searched for by itself: `bytes.find` runs at gigabytes a second, so a few
searches cost less than one look at every id in the block."""

_ID = rb"([A-Za-z0-9][A-Za-z0-9._-]*)"
_ID_BYTES = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_ANY = re.compile(rb'trace_id(?:="?|"\s?:\s?")(?=' + _ID + rb")")
_WORD = re.compile(rb'(?<![A-Za-z0-9_.\\-])trace_id="?' + _ID + rb'(?=["\s,;)\]}]|$)')
_FIELD = re.compile(rb'"trace_id"\s?:\s?"' + _ID + rb'"')
_CONTINUES = (
    b" ",
    b"\t",
    b"Traceback (most recent call last)",
    b"During handling of the above exception",
    b"The above exception was the direct cause",
    b"Caused by: ",
    b"Suppressed: ",
    b"... ",
)
_EXCEPTION = re.compile(rb"[A-Za-z_][\w.$]*(?:Error|Exception|Interrupt|Exit|Warning|Failure|Group)\b")


class Demux:
    """Stateful from block to block: a traceback may begin in one and end in the next.

    Args:
        tagged: the stream's name stands before each line's text.
    """

    def __init__(self, *, tagged: bool = False) -> None:
        self._tagged = tagged
        self._open: bytes | None = None
        self._inside = False

    def take(self, block: bytes, wanted: Collection[bytes]) -> dict[bytes, list[bytes]]:
        """The lines (without their ends) of each wanted trace that has any in this block of whole lines."""
        found: dict[bytes, list[bytes]] = {}
        done = 0
        if self._open is not None and self._open in wanted:
            done = self._continue(block, 0, self._open, found.setdefault(self._open, []))
        else:
            self._open = None
        for at in _candidates(block, wanted):
            if at >= done:
                done = self._line(block, at, wanted, found)
        return {trace: lines for trace, lines in found.items() if lines}

    def _line(self, block: bytes, at: int, wanted: Collection[bytes], found: dict[bytes, list[bytes]]) -> int:
        """Looks at the line around `at`; returns the offset up to which the block is done."""
        start, end = block.rfind(b"\n", 0, at) + 1, block.find(b"\n", at)
        line = block[start:end]
        trace = owner(text_of(line, tagged=self._tagged))
        if trace is None or trace not in wanted:
            return end + 1
        lines = found.setdefault(trace, [])
        lines.append(line)
        self._inside = False
        return self._continue(block, end + 1, trace, lines)

    def _continue(self, block: bytes, done: int, trace: bytes, lines: list[bytes]) -> int:
        """Takes the lines from `done` on that continue the last one of `trace`."""
        self._open = trace
        while done < len(block):
            end = block.find(b"\n", done)
            line = block[done:end]
            if not self._continues(text_of(line, tagged=self._tagged)):
                self._open = None
                return done
            lines.append(line)
            done = end + 1
        return done

    def _continues(self, text: bytes) -> bool:
        if text.startswith(_CONTINUES) or (self._inside and not text.strip()):
            self._inside = True
        elif not (self._inside and _EXCEPTION.match(text)):
            return False
        return b"trace_id" not in text or owner(text) is None


def owner(text: bytes) -> bytes | None:
    """The trace that a line's text names."""
    if text.startswith(b"{"):
        field = _FIELD.search(text)
        return field.group(1) if field else None
    words = _WORD.findall(text)
    return words[-1] if words else None


def text_of(line: bytes, *, tagged: bool) -> bytes:
    """A line without its timestamp, and without its stream's name."""
    start = line.find(b" ") + 1
    return line[line.find(b" ", start) + 1 :] if tagged else line[start:]


def _candidates(block: bytes, wanted: Collection[bytes]) -> list[int]:
    """Offsets, in order, of ids that may make their line a wanted one."""
    if len(wanted) > SEARCHED_ONE_BY_ONE:
        return [match.start(1) for match in _ANY.finditer(block) if match.group(1) in wanted]
    places = [at for trace in wanted for at in _places(block, trace)]
    return sorted(places) if len(wanted) > 1 else places


def _places(block: bytes, trace: bytes) -> Iterator[int]:
    at = block.find(trace)
    while at >= 0:
        end = at + len(trace)
        if block[end] not in _ID_BYTES and b"trace_id" in block[max(0, at - 13) : at]:
            yield at
        at = block.find(trace, end)
