"""An Argo Server as far as the feed uses it: workflows, their watch, logs, archive and artifacts.

It behaves like util/logs/workflow-logger.go of argo-workflows: a pod's log is streamed once, and a follow
goes on until the whole workflow is over, with a keep-alive comment only in event-stream framing.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from testbed.ports import free_port
from tests.log_streamer.serving import LOOK_EVERY, Serving

Json = dict[str, Any]
OVER = ("Succeeded", "Failed", "Error")


@dataclass
class Pod:
    """A pod's log: its lines, each with the runtime's timestamp before it."""

    lines: list[bytes] = field(default_factory=list)
    cuts: int = 0


class ArgoServerProgram:
    """Workflows are kept as Workflow objects, by namespace and name."""

    def __init__(self) -> None:
        self.port = free_port()
        self.workflows: dict[tuple[str, str], Json] = {}
        self.archive: dict[str, Json] = {}
        self.artifacts: dict[str, bytes] = {}
        self.pods: dict[str, Pod] = {}
        self.answers: list[Response] = []  # what the next requests get instead
        self.denied = False
        self.reading = 0
        self.tokens: list[str] = []
        self.shown = 0  # the newest resource version that a watch has sent
        self.recorded: bytes | None = None  # a log stream that is replayed as it is
        self._serving = Serving(self._app(), port=self.port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, workflow: Json) -> None:
        """Creates or changes a workflow; watches see it."""
        metadata = workflow["metadata"]
        before = self.workflows.get((metadata["namespace"], metadata["name"]), workflow)
        metadata["resourceVersion"] = str(int(before["metadata"].get("resourceVersion", "0")) + 1)
        self.workflows[metadata["namespace"], metadata["name"]] = workflow

    def delete(self, namespace: str, name: str) -> None:
        del self.workflows[namespace, name]

    def write(self, pod: str, *texts: bytes) -> None:
        log = self.pods.setdefault(pod, Pod())
        log.lines += [_stamp() + b" " + text for text in texts]

    def has_shown(self, version: int) -> bool:
        """Whether a watch has sent an object of this resource version."""
        return self.shown >= version

    def cut(self, pod: str) -> None:
        """All follows of the pod end."""
        self.pods[pod].cuts += 1

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.middleware("http")(self._gate)
        api = "/api/v1"
        app.get(f"{api}/workflows/{{space}}/{{name}}")(self._get)
        app.get(f"{api}/workflow-events/{{space}}")(self._events)
        app.get(f"{api}/workflows/{{space}}/{{name}}/log")(self._log)
        app.get(f"{api}/archived-workflows")(self._archived)
        app.get(f"{api}/archived-workflows/{{uid}}")(self._archived_one)
        app.get("/artifact-files/{path:path}")(self._artifact)
        return app

    async def start(self) -> None:
        await self._serving.start()

    async def stop(self) -> None:
        """What is open breaks."""
        await self._serving.stop()

    async def __aenter__(self) -> ArgoServerProgram:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _gate(self, request: Request, call: Any) -> Response:
        self.tokens.append(request.headers.get("authorization", ""))
        if self.denied:
            return _error(403, 7, "forbidden")
        if self.answers:
            return self.answers.pop(0)
        response: Response = await call(request)
        return response

    async def _get(self, space: str, name: str) -> Response:
        if (space, name) not in self.workflows:
            return _error(404, 5, f'workflows.argoproj.io "{name}" not found')
        return JSONResponse(self.workflows[space, name])

    async def _events(self, request: Request, space: str) -> Response:
        wanted = request.query_params["listOptions.fieldSelector"].removeprefix("metadata.name=")
        return _stream(request, self._watch(space, wanted))

    async def _watch(self, space: str, name: str) -> AsyncIterator[Json | None]:
        seen: Json | None = None
        while not self._serving.down:
            now = self.workflows.get((space, name))
            if now is None and seen is not None:
                yield {"result": {"type": "DELETED", "object": seen}}
            elif now is not None and (seen is None or _version(now) != _version(seen)):
                kind = "ADDED" if seen is None else "MODIFIED"
                yield {"result": {"type": kind, "object": now}}
            seen = json.loads(json.dumps(now))
            self.shown = int(seen["metadata"]["resourceVersion"]) if seen else 0
            yield None
            await asyncio.sleep(LOOK_EVERY)

    async def _log(self, request: Request, space: str, name: str) -> Response:
        if self.recorded is not None:
            return Response(self.recorded, media_type=request.headers["accept"])
        if (space, name) not in self.workflows:
            return _error(404, 5, "not found")
        query = request.query_params
        since = query.get("logOptions.sinceTime.seconds")
        oldest = _of_second(int(since)) if since else b""
        follow = query.get("logOptions.follow") == "true"
        return _stream(request, self._lines((space, name), query["podName"], oldest, follow))

    async def _lines(
        self, key: tuple[str, str], pod: str, oldest: bytes, follow: bool
    ) -> AsyncIterator[Json | None]:
        self.reading += 1
        at, cuts = 0, self.pods.get(pod, Pod()).cuts
        try:
            while True:
                done = self.workflows.get(key, {"status": {"phase": "Failed"}})["status"]["phase"] in OVER
                log = self.pods.get(pod, Pod())
                new = log.lines[at:]
                at += len(new)  # now: more may be written while these are sent
                for line in new:
                    if line >= oldest:
                        yield {"result": {"content": line.decode("utf-8", "replace"), "podName": pod}}
                if not follow or done or log.cuts != cuts or self._serving.down:
                    return
                yield None
                # Two hundred streams that look all the time would leave a slow machine nothing else to do.
                await asyncio.sleep(LOOK_EVERY * max(1, self.reading / 10))
        finally:
            self.reading -= 1

    async def _archived(self, request: Request) -> Response:
        terms = dict(
            term.split("=", 1) for term in request.query_params["listOptions.fieldSelector"].split(",")
        )
        rows = [
            {"metadata": workflow["metadata"]}
            for workflow in self.archive.values()
            if workflow["metadata"]["name"] == terms["metadata.name"]
            and workflow["metadata"]["namespace"] == terms["metadata.namespace"]
        ]
        return JSONResponse({"metadata": {}, "items": rows or None})

    async def _archived_one(self, uid: str) -> Response:
        return JSONResponse(self.archive[uid]) if uid in self.archive else _error(404, 5, "not found")

    async def _artifact(self, path: str) -> Response:
        if path not in self.artifacts:
            return _error(404, 5, "not found")
        return Response(self.artifacts[path], media_type="application/octet-stream")


def _stream(request: Request, messages: AsyncIterator[Json | None]) -> StreamingResponse:
    """`None` is a moment without news."""
    sse = request.headers.get("accept") == "text/event-stream"

    async def framed() -> AsyncIterator[bytes]:
        async for message in messages:
            if message is None:
                yield b":\n" if sse else b""
            elif sse:
                yield b"data: " + json.dumps(message).encode() + b" \n\n"
            else:
                yield json.dumps(message).encode() + b"\n"

    return StreamingResponse(framed(), media_type="text/event-stream" if sse else "application/json")


def _version(workflow: Json) -> object:
    return workflow["metadata"]["resourceVersion"]


def _error(status: int, code: int, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status_code=status)


def _stamp() -> bytes:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}000Z".encode()


def _of_second(seconds: int) -> bytes:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}".encode()


def workflow(name: str, *nodes: Json, namespace: str = "argo", phase: str = "Running") -> Json:
    """A Workflow object whose pods have the names of their nodes' ids."""
    return {
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-{name}",
            "annotations": {"workflows.argoproj.io/pod-name-format": "v1"},
            "labels": {},
        },
        "spec": {},
        "status": {
            "phase": phase,
            "startedAt": "2026-11-21T02:00:00Z",
            "nodes": {node["id"]: node for node in nodes},
        },
    }


def pod_node(id_: str, phase: str = "Running", **more: Any) -> Json:
    return {
        "id": id_,
        "name": f"of.{id_}",
        "displayName": id_,
        "type": "Pod",
        "templateName": "sh",
        "phase": phase,
        "startedAt": "2026-11-21T02:00:01Z",
        **more,
    }
