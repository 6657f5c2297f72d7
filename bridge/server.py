"""Serves the bridge with uvicorn, so that a shutdown loses nothing."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from bridge.app import create_app
from bridge.settings import BridgeSettings
from crossover.api import serving
from crossover.api.serving import run


class Server(uvicorn.Server):
    """uvicorn waits for requests in flight before it ends the app, and ours may wait for a minute.

    So waiting clients are answered (503, Retry-After) as soon as the shutdown begins.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI) and (context := getattr(app.state, "context", None)) is not None:
            context.runs.hub.close()
            context.closing.set()
        await super().shutdown(sockets)


def serve(settings: BridgeSettings) -> None:
    """Until SIGTERM or SIGINT."""
    config = config_of(settings, create_app(settings))
    run(Server(config), "bridge", settings.listen_host, settings.listen_port)


def config_of(settings: BridgeSettings, app: FastAPI) -> uvicorn.Config:
    return serving.config_of(app, settings.listen_host, settings.listen_port, settings.shutdown_grace)
