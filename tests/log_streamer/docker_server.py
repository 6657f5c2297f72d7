"""A container engine as far as the feed uses it: the Docker Engine API on a unix socket.

It behaves like moby: frames of `[stream, 0, 0, 0, length]`, lines cut at 16 KiB into frames that each begin
with the timestamp, one log for all lives of a container, a follow that ends when the container stops.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from tests.log_streamer.serving import LOOK_EVERY, Serving

Json = dict[str, Any]
NEVER = "0001-01-01T00:00:00Z"
_BUFFER = 16 * 1024


@dataclass
class FakeContainer:
    """`log`: (stream, timestamp, text), text with its line's end where it has one."""

    id: str
    name: str
    labels: dict[str, str]
    tty: bool = False
    status: str = "created"
    started_at: str = NEVER
    finished_at: str = NEVER
    log: list[tuple[int, bytes, bytes]] = field(default_factory=list)
    cuts: int = 0

    def start(self) -> None:
        self.status, self.started_at = "running", now()

    def stop(self) -> None:
        self.status, self.finished_at = "exited", now()

    def write(self, *texts: bytes, stream: int = 1, end: bytes = b"\n") -> None:
        for text in texts:
            self.log.append((stream, now().encode(), text + end))

    def to_json(self) -> Json:
        state = {"Status": self.status, "StartedAt": self.started_at, "FinishedAt": self.finished_at}
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "State": state,
            "Config": {"Tty": self.tty, "Labels": self.labels},
        }

    def sent(self, at: int, since: float) -> bytes:
        return b"".join(self._sent(*entry) for entry in self.log[at:] if _seconds(entry[1]) >= since)

    def _sent(self, stream: int, stamp: bytes, text: bytes) -> bytes:
        if self.tty:
            return stamp + b" " + text.replace(b"\n", b"\r\n")
        parts = [text[at : at + _BUFFER] for at in range(0, len(text), _BUFFER)]
        frames = [stamp + b" " + part for part in parts]
        return b"".join(struct.pack(">BxxxL", stream, len(frame)) + frame for frame in frames)


class DockerProgram:
    """A program on a socket of its own; tests put containers into it."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket
        self.containers: dict[str, FakeContainer] = {}
        self.answers: list[Response] = []
        self.reading = 0
        self.chunk = 1 << 20  # bytes of one piece of a log, which ends anywhere
        app = FastAPI()
        app.get("/containers/json")(self._list)
        app.get("/containers/{id}/json")(self._inspect)
        app.get("/containers/{id}/logs")(self._logs)
        self._serving = Serving(app, socket=socket)

    def create(self, name: str, labels: dict[str, str] | None = None, *, tty: bool = False) -> FakeContainer:
        made = FakeContainer(f"{len(self.containers):064x}", name, labels or {}, tty)
        self.containers[made.id] = made
        return made

    async def start(self) -> None:
        await self._serving.start()

    async def stop(self) -> None:
        await self._serving.stop()

    async def __aenter__(self) -> DockerProgram:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _list(self, filters: str) -> Response:
        if self.answers:
            return self.answers.pop(0)
        wanted = json.loads(filters)["label"]
        return JSONResponse([{"Id": one.id} for one in self.containers.values() if _has(one, wanted)])

    async def _inspect(self, id: str) -> Response:
        if self.answers:
            return self.answers.pop(0)
        if id not in self.containers:
            return JSONResponse({"message": f"No such container: {id}"}, 404)
        return JSONResponse(self.containers[id].to_json())

    async def _logs(self, request: Request, id: str) -> Response:
        if id not in self.containers:
            return JSONResponse({"message": f"No such container: {id}"}, 404)
        query = request.query_params
        log = self._log(self.containers[id], float(query["since"]), query["follow"] == "true")
        return StreamingResponse(log, media_type="application/octet-stream")

    async def _log(self, container: FakeContainer, since: float, follow: bool) -> AsyncIterator[bytes]:
        self.reading += 1
        at, life, cuts = 0, container.started_at, container.cuts
        try:
            while True:
                over = container.status != "running" or container.started_at != life
                data, at = container.sent(at, since), len(container.log)
                for start in range(0, len(data), self.chunk):
                    yield data[start : start + self.chunk]
                    await asyncio.sleep(0)
                if not follow or over or container.cuts != cuts or self._serving.down:
                    return
                yield b""
                await asyncio.sleep(LOOK_EVERY)
        finally:
            self.reading -= 1


def now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z"


def _seconds(stamp: bytes) -> float:
    return datetime.fromisoformat(stamp.decode()).timestamp()


def _has(container: FakeContainer, wanted: list[str]) -> bool:
    return all(
        container.labels.get(key) == value if equals else key in container.labels
        for key, equals, value in (each.partition("=") for each in wanted)
    )
