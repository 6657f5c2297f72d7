"""Ambiguous starts: answers lost on the way, and the bridge killed at every write it makes to Temporal.

Invariant: one run per node, whatever happened; never none once a client was told of it, never two.
`CROSSOVER_FAULTS` is the number of ambiguous starts (`make test-faults` sets 2,000).
"""

from __future__ import annotations

import asyncio
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import Worker

from crossover.contract import names
from testbed.servers import Bridge, TemporalServer
from tests.bridge.conftest import start_body
from tests.patience import PATIENCE
from tests.proxy import Proxy

FAULTS = int(os.environ.get("CROSSOVER_FAULTS", "500"))
AT_ONCE = 10
"""Starts in flight at a time: a kill makes all of them ambiguous."""

KILLS = FAULTS // 5 // AT_ONCE
"""A fifth of the faults are kills: each costs a process start."""


@dataclass
class Caller:
    """Starts one node as the step command does: one key, and `Crossover-Retry` once an answer is missing."""

    body: dict[str, Any] = field(default_factory=lambda: start_body(input={"sleep": 3600}))
    key: str = field(default_factory=lambda: str(uuid.uuid4()))
    unanswered: int = 0
    run: str | None = None
    temporal_run: str | None = None

    async def start(self, http: httpx.AsyncClient) -> bool:
        """Whether an answer came."""
        headers = {names.IDEMPOTENCY_HEADER: self.key}
        if self.unanswered:
            headers[names.RETRY_HEADER] = "1"
        try:
            reply = await http.post("/v1/runs", json=self.body, headers=headers, timeout=20)
        except httpx.HTTPError:
            self.unanswered += 1
            return False
        if reply.status_code in (503, 504):
            self.unanswered += 1
            return False
        assert reply.status_code in (200, 201), reply.text
        self.run = reply.json()["id"]
        self.temporal_run = reply.json()["temporal"]["run_id"]
        return True


async def check(callers: list[Caller], client: Client) -> None:
    """Every node has exactly one run, the one that its caller was told of."""
    for caller in callers:
        assert caller.run is not None
        described = await client.get_workflow_handle(caller.run).describe()
        assert described.run_id == caller.temporal_run
    wanted = {caller.run for caller in callers}
    async with asyncio.timeout(PATIENCE):
        found: list[str | None] = []
        while len(found) < len(callers):
            found = [
                each.id async for each in client.list_workflows("WorkflowType = 'Echo'") if each.id in wanted
            ]
    assert len(found) == len(wanted) == len(callers)


async def clean_up(callers: list[Caller], client: Client) -> None:
    await asyncio.gather(*(client.get_workflow_handle(str(each.run)).terminate() for each in callers))


@pytest.mark.faults
@pytest.mark.timeout(1200)
async def test_lost_answers_never_make_a_second_run(
    temporal: TemporalServer, worker: Worker, client: Client, tmp_path: Path
) -> None:
    callers = [Caller() for _ in range(FAULTS - KILLS * AT_ONCE)]
    async with (
        Proxy(temporal.port) as proxy,
        Bridge(proxy.address, tmp_path / "log", log_level="error") as bridge,
    ):
        for begin in range(0, len(callers), AT_ONCE):
            batch = callers[begin : begin + AT_ONCE]
            proxy.mode, dropped = "drop_replies", proxy.dropped
            async with asyncio.timeout(PATIENCE):
                while proxy.dropped == dropped:  # a client may give up before its start was sent
                    await asyncio.gather(*(_lose_one(caller, bridge, proxy) for caller in batch))
            proxy.mode = "forward"
            await asyncio.gather(*(_until_answered(caller, bridge) for caller in batch))
    assert proxy.dropped >= len(callers) // AT_ONCE
    assert all(caller.unanswered for caller in callers)
    await check(callers, client)
    await clean_up(callers, client)


async def _lose_one(caller: Caller, bridge: Bridge, proxy: Proxy) -> None:
    """The request is sent while answers vanish; the client gives up before they come again."""
    caller.unanswered += 1
    try:
        headers = {names.IDEMPOTENCY_HEADER: caller.key}
        await bridge.http.post("/v1/runs", json=caller.body, headers=headers, timeout=0.3)
    except httpx.HTTPError:
        return


async def _until_answered(caller: Caller, bridge: Bridge) -> None:
    async with asyncio.timeout(60):
        while not await caller.start(bridge.http):
            await asyncio.sleep(0.1)


@pytest.mark.faults
@pytest.mark.timeout(2400)
async def test_a_bridge_killed_at_any_of_its_writes_leaves_one_run_per_node(
    temporal: TemporalServer, worker: Worker, client: Client, tmp_path: Path
) -> None:
    callers: list[Caller] = []
    killed = 0
    async with (
        Proxy(temporal.port) as proxy,
        Bridge(proxy.address, tmp_path / "log", log_level="error") as bridge,
    ):
        for round in range(2 * KILLS):
            if round >= KILLS and killed >= KILLS * 3 // 4:
                break
            batch = [Caller() for _ in range(AT_ONCE)]
            # Each write in turn: once the last that Temporal sees, and once the first that it misses.
            killed += await _killed_at(1 + round // 2 % AT_ONCE, bool(round % 2), batch, bridge, proxy)
            callers += batch
    assert killed >= KILLS * 3 // 4, "too few kills landed: the run says nothing"
    await check(callers, client)
    await clean_up(callers, client)


async def _killed_at(write: int, arrives: bool, batch: list[Caller], bridge: Bridge, proxy: Proxy) -> int:
    """Kills the bridge at one of its writes; another serves the repeats, and is the next to be killed."""
    process, begin, landed = bridge.program.process, proxy.writes, False

    def kill(number: int) -> bool:
        nonlocal landed
        if number - begin < write or process is None:
            return True
        if not landed:
            landed = True
            process.kill()
            return arrives
        return False

    proxy.on_write = kill
    await asyncio.gather(*(_start_later(caller, number, bridge) for number, caller in enumerate(batch)))
    proxy.on_write = None
    await bridge.kill()
    await bridge.start()
    await asyncio.gather(*(_until_answered(caller, bridge) for caller in batch))
    return int(landed)


async def _start_later(caller: Caller, number: int, bridge: Bridge) -> None:
    """A little apart, so that the batch makes many writes and not one large one."""
    await asyncio.sleep(number * 0.01)
    await caller.start(bridge.http)
