"""Serves feeds with uvicorn; at a shutdown every stream is told at once to go on elsewhere."""

from __future__ import annotations

import socket

import uvicorn
from fastapi import FastAPI

from crossover.api.serving import config_of, run
from log_streamer.app import create_app
from log_streamer.settings import LogStreamerSettings


class Server(uvicorn.Server):
    """Streams end before uvicorn waits for them, each with its cursor."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        if isinstance(app, FastAPI) and (context := getattr(app.state, "context", None)) is not None:
            context.feeds.shut_down()
        await super().shutdown(sockets)


def serve(settings: LogStreamerSettings) -> None:
    """Until SIGTERM or SIGINT."""
    config = config_of(
        create_app(settings), settings.listen_host, settings.listen_port, settings.shutdown_grace
    )
    run(Server(config), "log-streamer", settings.listen_host, settings.listen_port)
