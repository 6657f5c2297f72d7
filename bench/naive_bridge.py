"""The peer of an idle bridge: the same clients, imported as one does, a health check and a start of runs."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI
from redis.asyncio import Redis
from temporalio.client import Client

TEMPORAL = os.environ.get("TEMPORAL_ADDRESS", "")
REDIS = os.environ.get("REDIS_URL", "")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    app.state.client = await Client.connect(TEMPORAL)
    async with Redis.from_url(REDIS) as app.state.redis:
        yield


app = FastAPI(lifespan=lifespan)


@app.get("/readyz")
async def readyz() -> dict[str, str]:
    await app.state.client.service_client.check_health()
    await app.state.redis.ping()
    return {"status": "ready"}


@app.post("/v1/runs", status_code=201)
async def start(asked: dict[str, Any]) -> dict[str, str]:
    handle = await app.state.client.start_workflow(
        asked["workflow_type"], asked["input"], id=str(uuid.uuid4()), task_queue=asked["task_queue"]
    )
    return {"id": handle.id}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
