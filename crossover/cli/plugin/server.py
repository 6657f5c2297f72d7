"""Serves the sidecar until SIGTERM, and then lets go of its workflow's runs."""

from __future__ import annotations

import asyncio
import signal
import socket

import uvicorn

from crossover.cli.plugin.agent import Agent
from crossover.cli.plugin.app import App
from crossover.cli.plugin.bridge import Bridge
from crossover.cli.plugin.settings import Settings
from crossover.cli.plugin.sidecar import Sidecar

HOST = "127.0.0.1"
"""The agent shares the pod's network; nobody else has anything to ask here."""

KEEP_ALIVE = 120
"""Seconds: longer than Go's client keeps a connection, which then is never closed under a request."""


def serve(settings: Settings) -> None:
    """Raises OSError when the port is taken."""
    listener = socket.create_server((HOST, settings.listen_port))
    sidecar = Sidecar(Bridge(settings))
    app = App(Agent(settings.agent_token_file), sidecar)
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="off",
        loop="uvloop",
        http="httptools",
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    for stop in (signal.SIGTERM, signal.SIGINT):
        # For the moment before uvicorn listens to signals, and the one after: it raises them once more then.
        signal.signal(stop, lambda *_: setattr(server, "should_exit", True))
    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(_serve(server, listener, sidecar))


async def _serve(server: uvicorn.Server, listener: socket.socket, sidecar: Sidecar) -> None:
    print(f"plugin: http://{HOST}:{listener.getsockname()[1]}", flush=True)
    await server.serve(sockets=[listener])
    await sidecar.release()
