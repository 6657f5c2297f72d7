"""An Argo Server as far as the bridge uses it: `GET /api/v1/workflows/{namespace}/{name}`.

Its objects have the shape of those recorded from Argo 4.1.2 (tests/recordings).
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from testbed.ports import free_port
from testbed.servers import until_open


class FakeArgo:
    """A program on a port of its own; workflows are put into it by tests."""

    def __init__(self) -> None:
        self.port = free_port()
        self.tokens: set[str] = set()
        self._workflows: dict[str, dict[str, Any]] = {}
        self._broken: set[str] = set()
        app = FastAPI()
        app.get("/api/v1/workflows/{namespace}/{name}")(self._get)
        config = uvicorn.Config(app, port=self.port, log_config=None)
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def keep(self, argo: dict[str, Any], shutdown: str | None = None) -> None:
        """A running workflow, or one that was asked to shut down."""
        self._workflows[argo["workflow"]] = {
            "metadata": {"name": argo["workflow"], "namespace": argo["namespace"], "uid": argo["uid"]},
            "spec": {"shutdown": shutdown} if shutdown else {},
            "status": {"phase": "Running", "startedAt": "2026-11-21T02:12:39Z"},
        }

    def break_for(self, workflow: str) -> None:
        self._broken.add(workflow)

    async def _get(self, request: Request, namespace: str, name: str) -> JSONResponse:
        self.tokens.add(request.headers.get("authorization", ""))
        if name in self._broken:
            return JSONResponse({"code": 13, "message": "internal"}, status_code=500)
        if name not in self._workflows:
            return JSONResponse({"code": 5, "message": f'workflows "{name}" not found'}, status_code=404)
        return JSONResponse(self._workflows[name])

    async def __aenter__(self) -> FakeArgo:
        self._task = asyncio.create_task(self._server.serve())
        await until_open(self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        await self._task
