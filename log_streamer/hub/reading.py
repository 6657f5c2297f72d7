"""Reads a stretch of one log that lies in the past: from a position to another, or to its present end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from log_streamer.lines.demux import Demux
from log_streamer.lines.positions import Position, Until, resume_lines, stamp_of_line, until_line
from log_streamer.lines.splitter import Splitter
from log_streamer.model import Container
from log_streamer.sources.source import LogSource


@dataclass(frozen=True, slots=True)
class Stretch:
    """Args:
    after: the trace's last line that is not wanted any more, or None.
    since: seconds; where there is no `after`: whole seconds from which on lines are read, None for all.
    until: the log's last line (of whatever trace) that is wanted, or None for its present end.
    before: a timestamp; lines from then on are not wanted.
    """

    container: Container
    source: LogSource
    trace: bytes
    after: Position | None = None
    since: int | None = None
    until: Position | None = None
    before: bytes | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Raw lines of the trace, without their ends. Not `proven`: a line that should be beside them (`after`
    before them, or `until` behind) was looked for in vain, so that nobody knows what is missing."""

    lines: list[bytes]
    proven: bool = True


async def read(stretch: Stretch) -> AsyncIterator[Piece]:
    """The pieces of a stretch. Raises SourceError."""
    after = stretch.after
    demux = Demux(tagged=stretch.container.tagged) if stretch.container.shared else None
    until = until_line(stretch.until) if stretch.until else None
    resume = resume_lines(after) if after else None
    since = after.since if after else stretch.since
    async for block in _blocks(stretch, since):
        lines = block[:-1].split(b"\n")
        if until is not None or stretch.before is not None:
            lines = until.take(lines) if until else _before(lines, stretch.before)
            block = b"\n".join(lines) + b"\n" if lines else b""
        if demux is not None:
            lines = demux.take(block, (stretch.trace,)).get(stretch.trace, [])
        proven = True
        if resume is not None:
            lines = resume.take(lines)
            if resume.over:
                proven, resume = resume.proven, None
        if lines or not proven:
            yield Piece(lines, proven)
        if until is not None and until.over:
            break
    if until is not None and not until.proven:
        yield Piece([], proven=False)
    if resume is not None and not _is_ahead(stretch, until):
        yield Piece(resume.give_up(), proven=False)


def _is_ahead(stretch: Stretch, until: Until[bytes] | None) -> bool:
    """Whether what was read last lies behind the end: timestamps do not always tell which comes first."""
    near = stretch.after and stretch.until and stretch.after.is_near(stretch.until)
    return bool(near and until and until.proven)


async def _blocks(stretch: Stretch, since: int | None) -> AsyncIterator[bytes]:
    splitter = Splitter()
    async with stretch.source.open(stretch.container, since=since, follow=False) as chunks:
        async for chunk in chunks:
            if block := splitter.feed(chunk):
                yield block
    if block := splitter.end():
        yield block


def _before(lines: list[bytes], limit: bytes | None) -> list[bytes]:
    return [line for line in lines if (stamp_of_line(line) or b"") < (limit or b"")]
