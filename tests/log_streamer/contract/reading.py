"""Reading logs in tests: every wait has a limit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeVar

from log_streamer.model import Container
from log_streamer.sources.source import LogSource
from testbed.servers import PATIENCE

T = TypeVar("T")


class Following:
    """A follow under way, read to the end by a task of its own."""

    def __init__(self, chunks: AsyncIterator[bytes], container: Container) -> None:
        self._container = container
        self._got = bytearray()
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._read(chunks))

    @property
    def raw(self) -> bytes:
        return bytes(self._got)

    def texts(self) -> list[bytes]:
        """What whole lines said, so far."""
        return [text_of(self._container, line) for line in self.raw.split(b"\n")[:-1]]

    async def until(self, *texts: bytes) -> None:
        """Returns once the lines' texts are exactly these; raises TimeoutError with what they are."""
        try:
            async with asyncio.timeout(PATIENCE):
                while self.texts() != list(texts):
                    self._news.clear()
                    if self._task.done():
                        await self._task
                    await self._news.wait()
        except TimeoutError as error:
            raise TimeoutError(f"wanted {texts!r}, have {self.texts()!r}") from error

    async def ended(self) -> None:
        """Returns when the log has ended, and raises what the source raised."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self, chunks: AsyncIterator[bytes]) -> None:
        try:
            async for chunk in chunks:
                self._got += chunk
                self._news.set()
        finally:
            self._news.set()


@asynccontextmanager
async def following(
    source: LogSource, container: Container, *, since: int | None = None
) -> AsyncGenerator[Following, None]:
    async with asyncio.timeout(PATIENCE) as limit:
        async with source.open(container, since=since, follow=True) as chunks:
            limit.reschedule(None)
            follow = Following(chunks, container)
            try:
                yield follow
            finally:
                await follow.stop()


async def read(source: LogSource, container: Container, *, since: int | None = None) -> bytes:
    """The log as it is now."""
    async with asyncio.timeout(PATIENCE), source.open(container, since=since, follow=False) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def read_texts(source: LogSource, container: Container, *, since: int | None = None) -> list[bytes]:
    raw = await read(source, container, since=since)
    assert raw == b"" or raw.endswith(b"\n")
    return [text_of(container, line) for line in raw.split(b"\n")[:-1]]


def text_of(container: Container, line: bytes) -> bytes:
    """A line without what the system put before it."""
    return line.split(b" ", 2 if container.tagged else 1)[-1]


async def until(condition: Callable[[], Awaitable[T]], *, within: float = PATIENCE) -> T:
    """What `condition` gives, once that is true. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not (value := await condition()):
            await asyncio.sleep(0.02)
        return value


def numbered(count: int, start: int = 0) -> Sequence[bytes]:
    return [f"n={number} of many lines".encode() for number in range(start, start + count)]
