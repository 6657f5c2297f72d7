"""Serves feeds with uvicorn; at a shutdown every stream is told at once to go on elsewhere."""

from __future__ import annotations

import socket
import sys

import uvicorn
from fastapi import FastAPI

from crossover.api.serving import config_of, run
from log_streamer.app import create_app
from log_streamer.settings import LogStreamerSettings


class Server(uvicorn.Server):
    """Streams end before uvicorn waits for them, each with its cursor.

    Args:
        take_within: seconds after which a connection is dropped whose client takes nothing. What the stream
            gave up on is closed by uvicorn, but lives on, with megabytes in the kernel, until it is sent.
    """

    def __init__(self, config: uvicorn.Config, take_within: float) -> None:
        super().__init__(config)
        self._take_within = take_within

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if sys.platform == "linux":
            for listener in sockets or ():  # accepted connections inherit it
                milliseconds = round(self._take_within * 1000)
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        await super().startup(sockets)

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
    run(Server(config, settings.send_timeout), "log-streamer", settings.listen_host, settings.listen_port)
