"""Serves the bridge with uvicorn, so that a shutdown loses nothing."""

from __future__ import annotations

import gc
import resource
import signal
import socket

import uvicorn
from fastapi import FastAPI

from bridge.app import create_app
from bridge.settings import BridgeSettings

FILES = 65_536
"""Open files asked for: far beyond what one replica serves, and a number that every system takes."""


class Server(uvicorn.Server):
    """uvicorn waits for requests in flight before it ends the app, and ours may wait for a minute.

    So waiting clients are answered (503, Retry-After) as soon as the shutdown begins.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI) and (context := getattr(app.state, "context", None)) is not None:
            context.runs.hub.close()
        await super().shutdown(sockets)


def serve(settings: BridgeSettings) -> None:
    """Until SIGTERM or SIGINT."""
    _raise_file_limit()
    _rest_garbage_collection()
    config = config_of(settings, create_app(settings))
    listener = _listen(settings.listen_host, settings.listen_port)
    host, port = listener.getsockname()[:2]
    print(f"bridge: http://{host}:{port}", flush=True)  # noqa: T201 - the one line a starter waits for
    for stop in (signal.SIGTERM, signal.SIGINT):
        # uvicorn raises the signal again once it has shut down: here that is not a death, but the end.
        signal.signal(stop, lambda *_: None)
    Server(config).run(sockets=[listener])


def config_of(settings: BridgeSettings, app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.listen_host,
        port=settings.listen_port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        timeout_graceful_shutdown=round(settings.shutdown_grace),
        timeout_keep_alive=75,
        backlog=8192,
    )


def _raise_file_limit() -> None:
    """Each waiting client is an open file, and the usual soft limit is 1,024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _rest_garbage_collection() -> None:
    """Thousands of watches live for long and hold no cycles: looking through them at every turn is a
    tenth of the cost of a start."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener
