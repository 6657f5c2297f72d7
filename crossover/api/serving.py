"""What both services need around uvicorn."""

from __future__ import annotations

import gc
import resource
import signal
import socket

import uvicorn
from fastapi import FastAPI

FILES = 65_536
"""Open files asked for: far beyond what one replica serves, and a number that every system takes."""


def config_of(app: FastAPI, host: str, port: int, grace: float) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        timeout_graceful_shutdown=round(grace),
        timeout_keep_alive=75,
        backlog=8192,
    )


def run(server: uvicorn.Server, name: str, host: str, port: int) -> None:
    """Until SIGTERM or SIGINT."""
    _raise_file_limit()
    _rest_garbage_collection()
    listener = _listen(host, port)
    own_host, own_port = listener.getsockname()[:2]
    print(f"{name}: http://{own_host}:{own_port}", flush=True)  # noqa: T201 - the line a starter waits for
    for stop in (signal.SIGTERM, signal.SIGINT):
        # Until uvicorn listens to signals itself, one must not be lost; and once it has shut down it raises
        # the signal again, which here is not a death, but the end.
        signal.signal(stop, lambda *_: setattr(server, "should_exit", True))
    server.run(sockets=[listener])


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
