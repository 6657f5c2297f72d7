"""Many logs' past, merged exactly: every log is read at the pace of whoever takes the entries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass

from log_streamer.feed.history import FeedEntry
from log_streamer.feed.merge import Merge
from log_streamer.feed.notices import Notice, gap_notice
from log_streamer.feed.tap import foreign_runs
from log_streamer.hub.reading import Piece, Stretch, read
from log_streamer.lines.positions import stamp_of_line
from log_streamer.lines.records import Lines
from log_streamer.model import UNPROVEN, Container, Reason
from log_streamer.sources.source import Away, Gone, NotReady, SourceError

TRIES = 4


@dataclass(frozen=True, slots=True)
class Part:
    """One log's share: what to read, and how its records are made."""

    stretch: Stretch
    lines: Lines


async def backlog(parts: Sequence[Part], tenant: str) -> AsyncGenerator[list[FeedEntry], None]:
    """Entries in order of time; a log that cannot be read is a gap, not an end."""
    merge: Merge[FeedEntry] = Merge(window=float("inf"), limit=1 << 60)
    readers: dict[object, AsyncGenerator[list[FeedEntry], None]] = {}
    for part in parts:
        key = part.stretch.container.key
        readers[key] = _entries(part, tenant)
        merge.open(key, 0.0)
        merge.settle(key)
    try:
        while readers:
            behind = merge.behind()
            news = await asyncio.gather(*(anext(readers[key], None) for key in behind))
            for each, entries in zip(behind, news, strict=True):
                if entries is None:
                    merge.close(each)
                    await readers.pop(each).aclose()
                else:
                    merge.push(each, entries, 0.0)
            if released := merge.release(0.0):
                yield released
    finally:
        for reader in readers.values():
            await reader.aclose()


async def _entries(part: Part, tenant: str) -> AsyncGenerator[list[FeedEntry], None]:
    foreign = foreign_runs(tenant) if part.stretch.container.shared else None
    try:
        async for piece in _patient(part.stretch):
            lines = piece.lines
            own = [line for line in lines if not foreign(line)] if foreign else lines
            if not piece.proven:
                yield [_unproven(part.stretch, lines)]
            if own:
                yield list(part.lines.take(own))
    except NotReady:
        return
    except SourceError as error:
        yield [_gap(part.stretch.container, error)]


async def _patient(stretch: Stretch) -> AsyncIterator[Piece]:
    """Tries again while nothing has been read: opening is what an overloaded API server refuses."""
    for attempt in range(TRIES):
        begun = False
        try:
            async for piece in read(stretch):
                begun = True
                yield piece
            return
        except Away as error:
            if begun or attempt == TRIES - 1:
                raise
            await asyncio.sleep(max(error.retry_after or 0.0, 0.2 * 2**attempt))


def _unproven(stretch: Stretch, lines: list[bytes]) -> Notice:
    since = stretch.after.stamp if stretch.after else None
    until = stamp_of_line(lines[0]) if lines else None
    return gap_notice(Reason.ROTATED, UNPROVEN, container=stretch.container, since=since, until=until)


def _gap(container: Container, error: SourceError) -> Notice:
    reason = Reason.GONE if isinstance(error, Gone) else Reason.UNREADABLE
    return gap_notice(reason, error.detail, container=container)
