"""An HTTP client that costs next to nothing, so that what is measured is the server."""

from __future__ import annotations

import asyncio
import json
from typing import Any


class RawHttp:
    """One keep-alive connection to one port of this machine."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self._port = port
        self._fields = f"host: x\r\nauthorization: Bearer {token}\r\n" if token else "host: x\r\n"
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()

    async def get(self, path: str) -> tuple[int, Any]:
        return await self._send(f"GET {path} HTTP/1.1\r\n{self._fields}\r\n".encode())

    async def post(self, path: str, body: Any) -> tuple[int, Any]:
        data = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\n{self._fields}content-type: application/json\r\n"
        return await self._send(f"{head}content-length: {len(data)}\r\n\r\n".encode() + data)

    async def _send(self, request: bytes) -> tuple[int, Any]:
        """The status and the body as JSON."""
        if self._writer is None or self._reader is None:
            await self.connect()
        assert self._writer is not None
        assert self._reader is not None
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        return status, json.loads(await self._reader.readexactly(length) or b"null")
