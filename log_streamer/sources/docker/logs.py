"""Logs of containers of one engine.

A container's log goes on in one file when the container is started again, so each of its lives is a part
of one log. A key is `docker:<container id>@<started>`, with `#<nanoseconds since the epoch>` behind it
for a life that others were seen before: those have the lines before that.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any

import httpx

from log_streamer.lines.stamps import stamp_of_nanos
from log_streamer.model import Container
from log_streamer.sources.docker.engine import Engine
from log_streamer.sources.docker.frames import Decoder, Frames, Terminal
from log_streamer.sources.http import failure
from log_streamer.sources.source import Gone, Life

RUNNING = frozenset({"running", "paused", "restarting", "stopping"})
"""States in which a container may write."""

_PREFIX = "docker:"


def life_key(container: str, started_at: str, begins: int | None) -> str:
    """`begins`: nanoseconds since the epoch of this life's first lines, where others came before."""
    return f"{_PREFIX}{container}@{started_at}" + ("" if begins is None else f"#{begins}")


class DockerLogs:
    """A LogSource of a container engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def open(
        self, container: Container, *, since: int | None, follow: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._open(container, since, follow)

    @asynccontextmanager
    async def _open(
        self, container: Container, since: int | None, follow: bool
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        id_, _, begins = _parts(container)
        now = await self._engine.inspect(id_)
        oldest = max(begins, 0 if since is None else since * 10**9)
        first = stamp_of_nanos(oldest) if oldest else b""
        decoder = Terminal(first) if now["Config"].get("Tty") else Frames(first)
        async with (
            self._engine.logs(id_, since=str(oldest // 10**9), follow=follow) as chunks,
            aclosing(self._lines(container, chunks, decoder)) as lines,
        ):
            yield lines

    async def _lines(
        self, container: Container, chunks: AsyncIterator[bytes], decoder: Decoder
    ) -> AsyncGenerator[bytes, None]:
        """A part of a line is only given out once nothing more can come to it."""
        try:
            async for chunk in chunks:
                if lines := decoder.feed(chunk):
                    yield lines
        except httpx.HTTPError as error:
            raise failure(error, "The container engine") from error
        if await self.life(container) is Life.ENDED and (lines := decoder.end()):
            yield lines

    async def life(self, container: Container) -> Life:
        try:
            return _life(await self._engine.inspect(_parts(container)[0]), container)
        except Gone:
            return Life.GONE


def _life(now: dict[str, Any], container: Container) -> Life:
    state = now["State"]
    same = state.get("StartedAt") == _parts(container)[1]
    return Life.RUNNING if same and state.get("Status") in RUNNING else Life.ENDED


def _parts(container: Container) -> tuple[str, str, int]:
    """The container's id, when this life was started, and where its lines begin."""
    id_, _, life = container.key.removeprefix(_PREFIX).partition("@")
    started_at, _, begins = life.partition("#")
    return id_, started_at, int(begins or 0)
