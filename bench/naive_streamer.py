"""The peer of an idle log streamer: the same clients, imported as one does, and logs as the library reads
them."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI, Response
from kubernetes.aio import client
from redis.asyncio import Redis

REDIS = os.environ.get("REDIS_URL", "")
KUBERNETES = os.environ.get("NAIVE_API", "")
OF_WORKFLOW = "workflows.argoproj.io/workflow"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    async with client.ApiClient(client.Configuration(host=KUBERNETES)) as api:
        app.state.core = client.CoreV1Api(api)
        async with Redis.from_url(REDIS) as app.state.redis:
            yield


app = FastAPI(lifespan=lifespan)


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    await app.state.redis.ping()
    return {"status": "ready"}


@app.get("/v1/logs/{trace_id}")
async def logs(trace_id: str) -> Response:
    core = app.state.core
    # The library's models refuse the few fields of the server that plays Kubernetes here.
    found = await core.list_namespaced_pod_without_preload_content(
        "argo", label_selector=f"{OF_WORKFLOW}={trace_id}"
    )
    names = [pod["metadata"]["name"] for pod in (await found.json())["items"]]
    texts = [await core.read_namespaced_pod_log(name, "argo") for name in names]
    return Response("".join(texts), media_type="text/plain")


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
