"""Programs that the demo, tests and benchmarks start: Temporal's dev server and the bridge."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from temporalio.client import Client

from testbed.ports import free_port

BIN = Path(sys.executable).parent

PATIENCE = 120.0
"""Seconds for what takes a moment where the machine has nothing else to do: a limit for what never comes."""


class Program:
    """A process of ours: started, waited for, and ended by its own id. Its output goes to `log`."""

    def __init__(
        self, args: list[str], env: Mapping[str, str] | None = None, log: Path | None = None
    ) -> None:
        self._args = args
        self._env = {**os.environ, **(env or {})}
        self._log = log
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        target = self._log.open("ab") if self._log else None
        try:
            self.process = await asyncio.create_subprocess_exec(
                *self._args,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=target or asyncio.subprocess.DEVNULL,
                stderr=target or asyncio.subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the terminal is ours to pass on, in our order
            )
        finally:
            if target:
                target.close()

    async def stop(self, sig: signal.Signals = signal.SIGTERM, *, within: float = PATIENCE) -> int:
        """Sends `sig`, then SIGKILL when that does not help; the exit code."""
        process = self.process
        if process is None:
            return 0
        if process.returncode is None:
            process.send_signal(sig)
            try:
                await asyncio.wait_for(process.wait(), within)
            except TimeoutError:
                process.kill()
                await process.wait()
        self.process = None
        return process.returncode or 0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.returncode is None

    async def wait(self, *, within: float) -> int:
        """The exit code. Raises TimeoutError."""
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), within)

    async def __aenter__(self) -> Program:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


async def until_open(port: int, *, within: float = PATIENCE) -> None:
    """Returns once something listens on `port`."""
    async with asyncio.timeout(within):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


@dataclass
class TemporalServer:
    """`temporal server start-dev`, in memory unless `database` is given; it can be killed and come back."""

    port: int = field(default_factory=free_port)
    ui_port: int | None = None
    database: Path | None = None
    search_attributes: tuple[str, ...] = (
        "CrossoverTraceId=Keyword",
        "CrossoverVariant=Keyword",
        "CrossoverMode=Keyword",
    )
    settings: tuple[str, ...] = ()
    program: Program | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        args = [str(BIN / "temporal"), "server", "start-dev", "--port", str(self.port)]
        args += ["--ui-port", str(self.ui_port)] if self.ui_port else ["--headless"]
        args += ["--log-level", "never"]
        if self.database:
            args += ["--db-filename", str(self.database)]
        for attribute in self.search_attributes:
            args += ["--search-attribute", attribute]
        for setting in self.settings:
            args += ["--dynamic-config-value", setting]
        self.program = Program(args)
        await self.program.start()
        await until_open(self.port)
        await self._until_ready()

    async def _until_ready(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(RuntimeError, Exception):
                    connected = await Client.connect(self.address)
                    async for _ in connected.list_workflows("", page_size=1):
                        break
                    return
                await asyncio.sleep(0.1)

    async def stop(self, sig: signal.Signals = signal.SIGTERM) -> None:
        if self.program:
            await self.program.stop(sig)

    @classmethod
    @asynccontextmanager
    async def started(cls, **options: object) -> AsyncGenerator[TemporalServer, None]:
        server = cls(**options)  # type: ignore[arg-type]
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


class Service:
    """One of our services as a process, with a client for its API."""

    def __init__(
        self, command: str, prefix: str, log: Path, port: int | None, settings: dict[str, Any]
    ) -> None:
        self.port = port or free_port()
        self.log = log
        given = {"listen_port": self.port, "log_level": "debug", **settings}
        self._env = {f"{prefix}{key.upper()}": _text(value) for key, value in given.items()}
        self.program = Program([str(BIN / "crossover"), command, "serve"], self._env, log)
        self.http = httpx.AsyncClient(
            base_url=self.url, timeout=70, limits=httpx.Limits(max_connections=None), trust_env=False
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        await self.program.start()
        await until_open(self.port)

    async def kill(self) -> None:
        await self.program.stop(signal.SIGKILL)

    async def stop(self) -> int:
        return await self.program.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()
        await self.stop()

    async def metric(self, name: str) -> float:
        """The sum of a metric over all its labels."""
        text = (await self.http.get("/metrics")).text
        rows = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(name))
        return sum(float(value) for _, value in rows)


class Bridge(Service):
    """`crossover bridge serve`."""

    def __init__(self, temporal: str, log: Path, port: int | None = None, **settings: Any) -> None:
        given = {"temporal_address": temporal, **settings}
        super().__init__("bridge", "CROSSOVER_BRIDGE_", log, port, given)


class LogStreamer(Service):
    """`crossover log-streamer serve`."""

    def __init__(self, log: Path, port: int | None = None, **settings: Any) -> None:
        super().__init__("log-streamer", "CROSSOVER_LOG_STREAMER_", log, port, settings)


def _text(value: object) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)
