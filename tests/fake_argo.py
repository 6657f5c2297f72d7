"""An Argo Server as far as the bridge uses it, which keeps its workflows in memory and has no controller.

`python -m tests.fake_argo PORT` is the same as a program of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from testbed.ports import free_port
from testbed.servers import until_open
from tests.fake_workflows import Object, Refusal, Workflows, suspend_node

Change = Callable[[str, str, Mapping[str, Any]], Object]


class FakeArgo:
    """A program on a port of its own; workflows are put into it by tests."""

    def __init__(self, port: int | None = None) -> None:
        self.port = port or free_port()
        self.workflows = Workflows()
        self.tokens: set[str] = set()
        self.gets: list[str] = []
        self.sets: list[dict[str, Any]] = []
        self.answer: Response | None = None
        """Answers everything, while it is set."""
        self.refuse_outputs = ""
        """Why no outputs are taken."""
        self._broken: set[str] = set()
        config = uvicorn.Config(self._app(), port=self.port, log_config=None)
        self._server = uvicorn.Server(config)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def keep(self, argo: Mapping[str, Any], shutdown: str | None = None, **spec: Any) -> Object:
        """A running workflow, or one that was asked to shut down."""
        return self.workflows.add(argo["namespace"], argo["workflow"], argo["uid"], shutdown=shutdown, **spec)

    def suspend(
        self,
        argo: Mapping[str, Any],
        value: str,
        *,
        name: str | None = None,
        outputs: Mapping[str, str | None] | None = None,
        phase: str = "Running",
    ) -> str:
        """The id of a suspend node whose input `run` has that value."""
        workflow = self.workflows.find(argo["namespace"], argo["workflow"])
        supplied = {"result": None} if outputs is None else outputs
        node = suspend_node(
            argo["workflow"], name or f"{argo['workflow']}.wait", {"run": value}, supplied, phase
        )
        workflow["status"]["nodes"][node["id"]] = node
        return str(node["id"])

    def node(self, argo: Mapping[str, Any], id: str) -> Object:
        found: Object = self.workflows.find(argo["namespace"], argo["workflow"])["status"]["nodes"][id]
        return found

    def outputs(self, argo: Mapping[str, Any], id: str) -> dict[str, str]:
        """Those that have a value by now."""
        parameters = self.node(argo, id)["outputs"]["parameters"]
        return {each["name"]: each["value"] for each in parameters if "value" in each}

    def delete(self, argo: Mapping[str, Any]) -> None:
        del self.workflows[argo["namespace"], argo["workflow"]]

    def break_for(self, workflow: str) -> None:
        self._broken.add(workflow)

    def _app(self) -> FastAPI:
        app = FastAPI()
        path = "/api/v1/workflows/{namespace}/{name}"
        app.get(path)(self._get)
        app.put(path + "/{verb}")(self._put)
        app.post("/api/v1/workflows/{namespace}")(self._post)
        app.get("/sets")(self._all_sets)
        return app

    async def _get(self, request: Request, namespace: str, name: str) -> Response:
        self.tokens.add(request.headers.get("authorization", ""))
        self.gets.append(name)
        return self._answered(name, lambda: self.workflows.find(namespace, name))

    async def _put(self, request: Request, namespace: str, name: str, verb: str) -> Response:
        body = json.loads(await request.body() or b"{}")
        change: Change = getattr(self.workflows, verb)
        if verb == "set" and self.refuse_outputs and body.get("outputParameters"):
            change = self._refused
        response = self._answered(name, lambda: change(namespace, name, body))
        if verb == "set":
            self.sets.append({**body, "status": response.status_code, "at": time.time()})
        return response

    def _refused(self, namespace: str, name: str, body: Mapping[str, Any]) -> Object:
        raise Refusal(500, 13, self.refuse_outputs)

    async def _post(self, request: Request, namespace: str) -> Response:
        """Its status is taken as well: somebody has to say which nodes there are."""
        workflow = (await request.json())["workflow"]
        self.workflows[namespace, workflow["metadata"]["name"]] = workflow
        return JSONResponse(workflow)

    async def _all_sets(self) -> Response:
        return JSONResponse(self.sets)

    def _answered(self, name: str, answer: Callable[[], Object]) -> Response:
        if self.answer is not None:
            return self.answer
        if name in self._broken:
            return JSONResponse({"code": 13, "message": "internal"}, status_code=500)
        try:
            return JSONResponse(answer())
        except Refusal as refusal:
            return JSONResponse(refusal.body, status_code=refusal.status)

    async def __aenter__(self) -> FakeArgo:
        self._task = asyncio.create_task(self._server.serve())
        await until_open(self.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        await self._task


async def serve(port: int) -> None:
    async with FakeArgo(port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
