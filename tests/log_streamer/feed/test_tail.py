"""Who wants only the last lines gets those of the whole past, however slowly the logs bring it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import pytest
from opentelemetry.metrics import NoOpMeterProvider

from log_streamer.feed.cursor import Cursor
from log_streamer.feed.feed import Feed
from log_streamer.feed.filters import Filter
from log_streamer.feed.frames import EndFrame, EndReason, LogFrame
from log_streamer.feed.place import Place
from log_streamer.feed.settings import FeedSettings
from log_streamer.feed.viewer import Limits, Viewer
from log_streamer.hub.hub import Hub
from log_streamer.hub.settings import FollowSettings
from log_streamer.metrics import Metrics
from log_streamer.model import Container
from log_streamer.sources.source import Finding, Found, Life, Looked, Scope, Tenant
from tests.log_streamer.feed.virtual_time import run
from tests.log_streamer.lines.making import REDACTOR, container, raw

SECOND = 1_000_000_000
METRICS = Metrics(NoOpMeterProvider().get_meter("tests"))


@dataclass(frozen=True)
class Log:
    """Brings its past in `pieces`, one each `pause` seconds; then, after a while, `news`; and never ends."""

    pieces: Sequence[Sequence[bytes]]
    pause: float
    news: Sequence[bytes] = ()

    @asynccontextmanager
    async def open(
        self, container: Container, *, since: int | None, follow: bool
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        yield self._chunks()

    async def life(self, container: Container) -> Life:
        return Life.RUNNING

    async def _chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield b"".join(line + b"\n" for line in piece)
            await asyncio.sleep(self.pause)
        await asyncio.sleep(60)
        yield b"".join(line + b"\n" for line in self.news)
        await asyncio.Event().wait()


@dataclass(frozen=True)
class Finds:
    """A locator that finds some logs at once."""

    logs: dict[str, Log]
    name: str = "finds"

    async def watch(self, scope: Scope) -> AsyncGenerator[Finding, None]:
        for key, log in self.logs.items():
            yield Found(container(key), log)
        yield Looked(self.name, known=True)
        await asyncio.Event().wait()


def lines(numbers: range) -> list[bytes]:
    return [raw(number * SECOND, f"line {number}") for number in numbers]


def in_pieces(numbers: range, size: int) -> list[list[bytes]]:
    return [lines(numbers[at : at + size]) for at in range(0, len(numbers), size)]


async def seen(logs: dict[str, Log], *, tail: int, timeout: float = 120) -> list[str]:
    """The texts that a viewer got until its stream was over."""
    hub = Hub(FollowSettings(), METRICS)
    scope = Scope(Tenant("t"), "trace")
    feed = Feed(scope, [Finds(logs)], hub, REDACTOR, FeedSettings(), METRICS)
    try:
        await feed.opened()
        return await _watched(feed, tail, timeout)
    finally:
        await feed.close()
        await hub.close()


async def _watched(feed: Feed, tail: int, timeout: float) -> list[str]:
    async def may_watch() -> bool:
        return True

    place = Place(Cursor(), Filter(), 10_000)
    limits = Limits(lines=10_000, timeout=timeout)
    viewer = Viewer(feed, place, limits, tail=tail, may_watch=may_watch, closing=lambda: False)
    texts: list[str] = []
    async with aclosing(viewer.follow()) as frames:
        async for frame in frames:
            if isinstance(frame, LogFrame):
                texts += [record.text for record in frame.records]
            if isinstance(frame, EndFrame):
                assert frame.reason is EndReason.TIMEOUT
    return texts


@pytest.mark.parametrize("tail", [0, 3])
def test_of_a_past_that_takes_longer_than_a_look(tail: int) -> None:
    """7.5 seconds; a look takes 5, and so long others wait for a log at most."""

    async def main() -> None:
        log = Log(in_pieces(range(3000), 100), pause=0.25, news=lines(range(3000, 3002)))
        got = await seen({"a": log}, tail=tail)
        assert got == [f"line {number}" for number in range(3000 - tail, 3002)]

    run(main())


def test_of_two_logs_whose_pasts_end_at_different_times() -> None:
    """The newer one's last lines wait in the merge for the older one, which will bring nothing."""

    async def main() -> None:
        old, new = Log([lines(range(100))], pause=0), Log(in_pieces(range(100, 200), 25), pause=0.2)
        got = await seen({"a": old, "b": new}, tail=5)
        assert got == [f"line {number}" for number in range(195, 200)]

    run(main())


def test_a_log_that_never_stops_bringing_its_past_is_not_waited_for_without_end() -> None:
    async def main() -> None:
        endless = Log(in_pieces(range(2000), 10), pause=0.25)
        got = await seen({"a": endless}, tail=3, timeout=40)
        assert 3 < len(got) < 1500
        assert got[-1] == "line 1599"

    run(main())
