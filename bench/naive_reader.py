"""The peer of the log streamer: what one writes first. Each viewer follows each pod by itself, line by line
through httpx, and each line is an event in the SSE library's own framing. Nothing is merged, nothing shared.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI
from sse_starlette import EventSourceResponse, ServerSentEvent

app = FastAPI()
_http = httpx.AsyncClient(timeout=None, limits=httpx.Limits(max_connections=None))
API = os.environ.get("NAIVE_API", "")


@app.get("/v1/logs/{trace_id}")
async def logs(trace_id: str) -> EventSourceResponse:
    return EventSourceResponse(_events(trace_id))


async def _events(trace_id: str) -> AsyncGenerator[ServerSentEvent, None]:
    base = f"{API}/api/v1/namespaces/argo/pods"
    found = await _http.get(base, params={"labelSelector": f"workflows.argoproj.io/workflow={trace_id}"})
    names = [pod["metadata"]["name"] for pod in found.json()["items"]]
    queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(1000)
    tasks = [asyncio.create_task(_follow(f"{base}/{name}/log", name, queue)) for name in names]
    try:
        for _ in tasks:
            while (record := await queue.get()) is not None:
                yield ServerSentEvent(json.dumps(record), event="log")
        yield ServerSentEvent("{}", event="end")
    finally:
        for task in tasks:
            task.cancel()


async def _follow(url: str, pod: str, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
    params = {"container": "main", "follow": "true", "timestamps": "true"}
    async with _http.stream("GET", url, params=params) as response:
        async for line in response.aiter_lines():
            ts, _, msg = line.partition(" ")
            await queue.put({"ts": ts, "pod": pod, "container": "main", "msg": msg})
    await queue.put(None)


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), log_level="error", loop="uvloop", http="httptools")
