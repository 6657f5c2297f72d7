"""A TCP proxy that fails in the ways networks do: between the bridge and Temporal, or before the bridge."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from types import TracebackType

from testbed.ports import free_port

Hook = Callable[[int], bool]


class Proxy:
    """Forwards `port` to `target`; `mode` decides what becomes of new bytes.

    Modes: `forward`; `drop_replies` (requests pass, answers vanish and cut their connection); `freeze`
    (nothing passes, nothing is closed). `refuse()` and `listen()` take it down and bring it back.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.mode = "forward"
        self.on_write: Hook | None = None  # sees each write's number; whether to pass it on
        self.dropped = 0
        self.connections = 0
        self.writes = 0
        self._target = target
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def __aenter__(self) -> Proxy:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def refuse(self) -> None:
        """Down: what is open is cut, and nothing new is accepted."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Resets every open connection."""
        for writer in list(self._open):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            upstream, upstream_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, upstream_writer}
        for pump in (self._requests(reader, upstream_writer), self._replies(upstream, writer)):
            task = asyncio.create_task(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                self.writes += 1
                await self._thaw()
                if self.on_write is not None and not self.on_write(self.writes):
                    continue
                writer.write(data)
                await writer.drain()
        self._close(writer)

    async def _replies(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._thaw()
                if self.mode == "drop_replies":
                    self.dropped += 1
                    self.cut()
                    return
                writer.write(data)
                await writer.drain()
        self._close(writer)

    async def _thaw(self) -> None:
        while self.mode == "freeze":
            await asyncio.sleep(0.05)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        writer.close()
