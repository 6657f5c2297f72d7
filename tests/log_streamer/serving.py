"""Runs an ASGI app beside the test's own loop, so that its tasks are none of the test's."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import uvicorn

from testbed.servers import PATIENCE

App = Callable[..., Coroutine[Any, Any, None]]

LOOK_EVERY = 0.03
"""Seconds between looks of a stream for news."""


class Serving:
    """On a port, or a unix socket; it can go down, which breaks what is open, and come back."""

    def __init__(self, app: App, *, port: int = 0, socket: Path | None = None) -> None:
        self._app = app
        self._port = port
        self._socket = socket
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def down(self) -> bool:
        return self._server is None or self._server.should_exit

    async def start(self) -> None:
        where: dict[str, Any] = {"uds": str(self._socket)} if self._socket else {"port": self._port}
        config = uvicorn.Config(self._app, log_config=None, timeout_graceful_shutdown=1, **where)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        async with asyncio.timeout(PATIENCE):
            while not self._server.started:
                await asyncio.sleep(0.01)

    async def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            await asyncio.to_thread(self._thread.join, PATIENCE)
            assert not self._thread.is_alive()
            self._server = None
