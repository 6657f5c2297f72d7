"""Temporal away: at the start, during a wait, frozen, and for a minute."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from testbed.servers import Bridge, TemporalServer
from tests.bridge.conftest import ended, start_body, started
from tests.patience import PATIENCE
from tests.proxy import Proxy

LONG_OUTAGE = float(os.environ.get("CROSSOVER_OUTAGE", "60"))
"""Seconds. A minute is longer than every time limit between a waiting client and Temporal."""


@dataclass
class Fragile:
    """A bridge that reaches Temporal through a proxy."""

    bridge: Bridge
    proxy: Proxy


@pytest.fixture
async def fragile(temporal: TemporalServer, worker: Worker, tmp_path: Path) -> AsyncGenerator[Fragile, None]:
    async with Proxy(temporal.port) as proxy, Bridge(proxy.address, tmp_path / "log") as bridge:
        await bridge.http.get("/readyz")
        yield Fragile(bridge, proxy)


async def waited(http: httpx.AsyncClient, run: str, within: float = PATIENCE) -> dict[str, object]:
    """As the step command waits: asks again on every transient answer."""
    async with asyncio.timeout(within):
        while True:
            reply = await http.get(f"/v1/runs/{run}", params={"wait": "5s"})
            if reply.status_code == 200 and reply.json()["exit_code"] is not None:
                view: dict[str, object] = reply.json()
                return view
            assert reply.status_code in (200, 503, 504), reply.text
            await asyncio.sleep(0.2)


async def test_readiness_names_what_is_missing(fragile: Fragile) -> None:
    assert (await fragile.bridge.http.get("/readyz")).status_code == 200
    await fragile.proxy.refuse()
    reply = await fragile.bridge.http.get("/readyz")
    assert reply.status_code == 503
    assert "Temporal cannot be reached" in reply.json()["checks"]["temporal"]
    assert (await fragile.bridge.http.get("/healthz")).status_code == 200


async def test_readiness_names_a_missing_namespace(temporal: TemporalServer, tmp_path: Path) -> None:
    async with Bridge(temporal.address, tmp_path / "log", temporal_namespace="nowhere") as bridge:
        reply = await bridge.http.get("/readyz")
        assert (reply.status_code, "nowhere" in reply.json()["checks"]["temporal"]) == (503, True)


async def test_a_bridge_that_starts_before_temporal_serves_once_it_is_there(
    temporal: TemporalServer, worker: Worker, tmp_path: Path
) -> None:
    proxy = Proxy(temporal.port)
    async with Bridge(proxy.address, tmp_path / "log") as bridge:
        refused = await bridge.http.post("/v1/runs", json=start_body())
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert refused.json()["exit_code"] == 75
        async with proxy:
            run = await until_started(bridge.http, start_body())
            assert (await ended(bridge.http, run))["phase"] == "Succeeded"


async def test_a_start_while_temporal_is_away_is_refused_and_can_be_repeated(
    fragile: Fragile, client: Client
) -> None:
    body = start_body()
    await fragile.proxy.refuse()
    reply = await fragile.bridge.http.post("/v1/runs", json=body)
    assert (reply.status_code, reply.json()["retryable"]) == (503, True)
    await fragile.proxy.listen()
    run = await until_started(fragile.bridge.http, body)
    assert (await ended(fragile.bridge.http, run))["phase"] == "Succeeded"


async def until_started(http: httpx.AsyncClient, body: dict[str, object]) -> str:
    """The run of a start that is repeated until Temporal is reached again."""
    async with asyncio.timeout(PATIENCE):
        while (reply := await http.post("/v1/runs", json=body)).status_code != 201:
            assert reply.status_code in (503, 504), reply.text
            await asyncio.sleep(0.2)
    return str(reply.json()["id"])


@pytest.mark.timeout(180)
async def test_a_wait_outlives_a_minute_without_temporal(fragile: Fragile) -> None:
    run = await started(fragile.bridge.http, input={"sleep": 10})
    waiting = asyncio.create_task(waited(fragile.bridge.http, run["id"], LONG_OUTAGE + 45))
    await asyncio.sleep(0.5)
    await fragile.proxy.refuse()
    await asyncio.sleep(LONG_OUTAGE)
    assert not waiting.done()
    await fragile.proxy.listen()
    view = await waiting
    assert view["phase"] == "Succeeded"


async def test_a_wait_says_503_while_temporal_is_away_and_not_that_all_is_well(fragile: Fragile) -> None:
    run = await started(fragile.bridge.http, "Stubborn")
    await fragile.bridge.http.get(f"/v1/runs/{run['id']}", params={"wait": "1s"})
    await fragile.proxy.refuse()
    reply = await fragile.bridge.http.get(f"/v1/runs/{run['id']}", params={"wait": "8s"})
    assert reply.status_code == 503
    assert reply.json()["retryable"]


async def test_a_frozen_temporal_is_told_apart_from_a_refusal(fragile: Fragile) -> None:
    fragile.proxy.mode = "freeze"
    reply = await fragile.bridge.http.post("/v1/runs", json=start_body())
    assert (reply.status_code, reply.json()["exit_code"]) == (504, 75)
    fragile.proxy.mode = "forward"


async def test_a_waiting_client_notices_a_close_right_after_connections_were_cut(fragile: Fragile) -> None:
    run = await started(fragile.bridge.http, input={"sleep": 1.5})
    waiting = asyncio.create_task(waited(fragile.bridge.http, run["id"]))
    for _ in range(4):
        await asyncio.sleep(0.2)
        fragile.proxy.cut()
    assert (await waiting)["phase"] == "Succeeded"


async def test_a_run_that_temporal_has_lost_is_not_found(worker: Worker, tmp_path: Path) -> None:
    async with TemporalServer.started() as temporal, Bridge(temporal.address, tmp_path / "log") as bridge:
        run = await started(bridge.http, "Stubborn")
        waiting = asyncio.create_task(bridge.http.get(f"/v1/runs/{run['id']}", params={"wait": "60s"}))
        await asyncio.sleep(0.3)
        await temporal.stop()
        await temporal.start()  # in memory: nothing is left
        reply = await asyncio.wait_for(waiting, 45)
        assert reply.status_code in (404, 503)
        async with asyncio.timeout(PATIENCE):
            while (reply := await bridge.http.get(f"/v1/runs/{run['id']}")).status_code == 503:
                await asyncio.sleep(0.2)
        assert reply.status_code == 404
