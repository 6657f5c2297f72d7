"""Callbacks: how soon after its run's end a suspend node is done, beside a poller that asks every 2 s."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx

from bench.figures import Figure, figure, percentile
from bench.raw_http import RawHttp
from bench.rig import Rig, rigged, start_body
from bench.waits import release
from testbed.ports import free_port
from testbed.servers import Program, until_open
from tests.fake_workflows import suspend_node

RUNS = 300
"""Callbacks that wait at a time; fewer than the bridge has long polls for."""

PER_SECOND = 20.0
POLL = 2.0
"""Seconds between the peer's questions: what people write who wait for a run by hand."""


class Argo:
    """An Argo Server in a process of its own."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.http = httpx.AsyncClient(base_url=self.url, trust_env=False)

    @classmethod
    @asynccontextmanager
    async def started(cls) -> AsyncGenerator[Argo, None]:
        port = free_port()
        argo = cls(port)
        async with Program([sys.executable, "-m", "tests.fake_argo", str(port)]):
            await until_open(port)
            yield argo
            await argo.http.aclose()

    async def suspend(self, argo: dict[str, Any], value: str) -> None:
        """A running workflow whose suspend node waits for the value."""
        node = suspend_node(argo["workflow"], f"{argo['workflow']}.wait", {"run": value}, {"result": None})
        metadata = {"name": argo["workflow"], "namespace": argo["namespace"], "uid": argo["uid"]}
        status = {"phase": "Running", "nodes": {node["id"]: node}}
        workflow = {"metadata": metadata, "spec": {}, "status": status}
        reply = await self.http.post(f"/api/v1/workflows/{argo['namespace']}", json={"workflow": workflow})
        reply.raise_for_status()

    async def completed(self) -> dict[str, float]:
        """When each workflow's node was completed, by the clock of this machine."""
        sets = (await self.http.get("/sets")).json()
        return {each["name"]: each["at"] for each in sets if each["status"] == 200}


async def measure() -> list[Figure]:
    async with Argo.started() as argo, rigged(argo_server_url=argo.url) as rig:
        ours = await _delays(rig, argo, callback={})
        peer = await _delays(rig, argo, watched=_polled)
    return [
        figure(
            "callback_p50_ms",
            percentile(ours, 0.5),
            "ms",
            "<= 300",
            peer="ask for the run every 2 s, then set",
            peer_value=percentile(peer, 0.5),
        )
    ]


Watched = Callable[[Rig, Argo, dict[str, Any]], Coroutine[Any, Any, None]]


async def _delays(rig: Rig, argo: Argo, *, watched: Watched | None = None, **changes: Any) -> list[float]:
    """Milliseconds from each run's close, by Temporal's clock, to its node being done."""
    http = RawHttp(rig.bridge.port)
    views = []
    for _ in range(RUNS):
        status, view = await http.post("/v1/runs", start_body() | changes)
        assert status == 201, view
        await argo.suspend(view["argo"], view["id"])
        views.append(view)
    watching = [asyncio.create_task(watched(rig, argo, view)) for view in views if watched]
    await asyncio.sleep(2)
    await release(rig, [view["id"] for view in views], PER_SECOND)
    async with asyncio.timeout(60):
        while not (done := await argo.completed()).keys() >= {view["argo"]["workflow"] for view in views}:
            await asyncio.sleep(0.5)
    await asyncio.gather(*watching)
    closed = {view["id"]: await _closed_at(http, view["id"]) for view in views}
    await http.close()
    return [(done[view["argo"]["workflow"]] - closed[view["id"]]) * 1000 for view in views]


async def _closed_at(http: RawHttp, run: str) -> float:
    _, view = await http.get(f"/v1/runs/{run}")
    return datetime.fromisoformat(view["closed_at"]).timestamp()


async def _polled(rig: Rig, argo: Argo, view: dict[str, Any]) -> None:
    http, place = RawHttp(rig.bridge.port), view["argo"]
    await asyncio.sleep(random.random() * POLL)
    while (seen := (await http.get(f"/v1/runs/{view['id']}"))[1])["exit_code"] is None:
        await asyncio.sleep(POLL)
    await http.close()
    body = {
        "name": place["workflow"],
        "nodeFieldSelector": f"inputs.parameters.run.value={view['id']}",
        "phase": seen["phase"],
        "outputParameters": "",
    }
    path = f"/api/v1/workflows/{place['namespace']}/{place['workflow']}/set"
    (await argo.http.put(path, json=body)).raise_for_status()
