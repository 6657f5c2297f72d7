"""A viewer over a plain socket, which can be slow, stop reading, or break off, and go on with its cursor."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlencode

import orjson

from testbed.servers import PATIENCE

Event = dict[str, Any]


class Refused(Exception):
    """An answer other than 200. `problem` is its body."""

    def __init__(self, status: int, headers: Mapping[str, str], problem: Event) -> None:
        super().__init__(f"{status}: {problem}")
        self.status = status
        self.headers = headers
        self.problem = problem


class Viewer:
    """One stream of a trace; its events are those of NDJSON, one for each record.

    Args:
        take: called with every event.
        buffer: bytes that the socket takes while nobody reads.
        query: parameters of the request.
    """

    def __init__(
        self,
        port: int,
        trace: str,
        *,
        token: str = "",
        cursor: str = "",
        take: Callable[[Event], None] | None = None,
        buffer: int = 1 << 20,
        **query: Any,
    ) -> None:
        self.port = port
        self.cursor = cursor
        self.lines = 0
        self.gaps: list[Event] = []
        self.end: Event | None = None
        self._path = f"/v1/logs/{trace}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        self._token = token
        self._take = take
        self._buffer = buffer
        self._reader = asyncio.StreamReader()
        self._writer: asyncio.StreamWriter | None = None
        self._rest = b""

    async def open(self) -> Self:
        """Raises Refused, or OSError."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        except BaseException:
            sock.close()
            raise
        self._reader, self._writer = await asyncio.open_connection(sock=sock, limit=self._buffer)
        self._writer.write(self._request())
        await self._answer()
        return self

    async def events(self) -> list[Event]:
        """Those of the next message; empty when the stream is over or broken."""
        while b"\n\n" not in self._rest:
            chunk = await self._chunk()
            if not chunk:
                return []
            self._rest += chunk
        message, self._rest = self._rest.split(b"\n\n", 1)
        events = list(self._parsed(message))
        for event in events:
            self._note(event)
        return events

    async def until(self, wanted: Callable[[Event], bool], *, within: float = PATIENCE) -> Event:
        """The first event that is `wanted`. Raises EOFError where the stream is over before, TimeoutError."""
        async with asyncio.timeout(within):
            while events := await self.events():
                if found := next(filter(wanted, events), None):
                    return found
        raise EOFError(f"the stream is over: {self.end}")

    async def to_end(self, *, within: float = PATIENCE) -> Event | None:
        """Its `end`; None: it broke off."""
        async with asyncio.timeout(within):
            while await self.events():
                pass
        return self.end

    async def reads(self, lines: int, *, within: float = PATIENCE) -> None:
        """Until it has that many lines."""
        async with asyncio.timeout(within):
            while self.lines < lines:
                if not await self.events():
                    raise EOFError(f"the stream is over after {self.lines} lines: {self.end}")

    def cut(self) -> None:
        """Breaks the connection without a word."""
        if self._writer is not None:
            self._writer.transport.abort()

    async def close(self) -> None:
        self.cut()
        if self._writer is not None:
            await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)
            self._writer = None

    async def __aenter__(self) -> Self:
        try:
            return await self.open()
        except BaseException:
            await self.close()
            raise

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _request(self) -> bytes:
        head = [f"GET {self._path} HTTP/1.1", "Host: log-streamer"]
        head += [f"Authorization: Bearer {self._token}"] if self._token else []
        head += [f"Last-Event-ID: {self.cursor}"] if self.cursor else []
        return "\r\n".join([*head, "", ""]).encode()

    async def _answer(self) -> None:
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError("no answer") from error
        headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
        status = int(head[0].split()[1])
        if status != 200:
            body = await self._reader.readexactly(int(headers["content-length"]))
            raise Refused(status, headers, orjson.loads(body))

    async def _chunk(self) -> bytes:
        try:
            size = int(await self._reader.readline() or b"0", 16)
            return (await self._reader.readexactly(size + 2))[:-2] if size else b""
        except (asyncio.IncompleteReadError, OSError):
            return b""

    def _parsed(self, message: bytes) -> list[Event]:
        if message.startswith(b":"):
            return [{"event": "heartbeat"}]
        fields = dict(line.split(b": ", 1) for line in message.split(b"\n"))
        self.cursor = fields[b"id"].decode()
        kind, data = fields[b"event"].decode(), orjson.loads(fields[b"data"])
        return [{"event": kind, **one} for one in (data if isinstance(data, list) else [data])]

    def _note(self, event: Event) -> None:
        match event["event"]:
            case "log":
                self.lines += 1
            case "gap":
                self.gaps.append(event)
            case "end":
                self.end = event
        if self._take:
            self._take(event)


async def refusal(viewer: Viewer) -> Refused:
    """How it is refused, which it has to be."""
    try:
        async with viewer:
            raise AssertionError("the viewer was let in")
    except Refused as refused:
        return refused


class Streams:
    """Makes the viewers of one who comes back: each begins at a cursor.

    Args:
        ports: of the replicas; one of them is taken at random.
        most: lines of one stream, at random up to that many.
    """

    def __init__(
        self, trace: str, take: Callable[[Event], None], ports: list[int], most: int | None = None
    ) -> None:
        self._trace = trace
        self._take = take
        self._ports = ports
        self._most = most

    def __call__(self, cursor: str) -> Viewer:
        limit: Event = {} if self._most is None else {"max_lines": random.randint(1, self._most)}
        port = random.choice(self._ports)
        return Viewer(port, self._trace, cursor=cursor, take=self._take, **limit)


@asynccontextmanager
async def watching(*viewers: Viewer) -> AsyncGenerator[tuple[Viewer, ...], None]:
    """Opens them all at once, and closes them."""
    try:
        yield tuple(await asyncio.gather(*(viewer.open() for viewer in viewers)))
    finally:
        await asyncio.gather(*(viewer.close() for viewer in viewers))


async def watch_through(
    open_viewer: Callable[[str], Viewer],
    *,
    watched: Callable[[Viewer], Awaitable[object]] = Viewer.to_end,
    cursor: str = "",
    within: float = PATIENCE,
) -> tuple[Event, int]:
    """Watches as an EventSource does: comes back with its cursor whenever the stream broke off, or its
    replica shut down. The last `end`, and how many streams it took.

    Args:
        open_viewer: makes a viewer that begins at a cursor.
        watched: reads one of the streams, until it likes.
        cursor: where to begin.
    """
    streams = 0
    async with asyncio.timeout(within):
        while True:
            viewer = open_viewer(cursor)
            try:
                async with viewer:
                    streams += 1
                    await watched(viewer)
            except (OSError, Refused) as error:
                if isinstance(error, Refused) and error.status not in (429, 503):
                    raise
                await asyncio.sleep(0.1)
            cursor = viewer.cursor
            if viewer.end is not None and viewer.end["reason"] != "shutdown":
                return viewer.end, streams
