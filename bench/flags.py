"""Flags: one evaluation, a read through HTTP, a change on three replicas, and decisions without Redis."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext
from redis.asyncio import Redis

from bench.figures import Figure, figure, percentile
from bench.raw_http import RawHttp
from crossover.flags.evaluate import Evaluator
from crossover.flags.flagd import to_flagd
from crossover.flags.model import Context, Document
from testbed.redis import RedisServer
from testbed.servers import Bridge, TemporalServer

FLAG = "enable_crossover"
DOCUMENT = Document.model_validate(
    {
        "flags": {
            FLAG: {
                "deny": [{"tenants": [f"denied-{n}" for n in range(50)], "when": {"app": ["billing"]}}],
                "allow": [{"tenants": [f"pilot-{n}" for n in range(50)]}],
                "rollout": [
                    {"when": {"connector": ["hive", "oracle"]}, "crossover": 50, "shadow": 10},
                    {"crossover": 25},
                ],
            }
        }
    }
)
TENANTS = [f"tenant-{n}" for n in range(1000)]
ROUNDS = 5
READERS = 8
READ_FOR = 4.0
CHANGES = 100
POLLED = 15
DECISIONS = 1000


async def measure_evaluation() -> list[Figure]:
    evaluator = Evaluator(1, DOCUMENT)
    contexts = [Context(tenant=tenant, connector="hive", app="sync") for tenant in TENANTS]
    own = min(_time(lambda: [evaluator.evaluate(FLAG, each) for each in contexts]) for _ in range(ROUNDS))
    flagd = FlagdCore()
    flagd.set_flags(to_flagd(DOCUMENT))
    theirs = [EvaluationContext(tenant, {"connector": "hive", "app": "sync"}) for tenant in TENANTS]
    peer = min(
        _time(lambda: [flagd.resolve_boolean_value(FLAG, False, each) for each in theirs])
        for _ in range(ROUNDS)
    )
    per = 1e6 / len(TENANTS)
    name = "flagd's own evaluator in Python, the same rules"
    return [figure("flag_eval_us", own * per, "us", "<= 5", peer=name, peer_value=peer * per)]


def _time(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def measure_http() -> list[Figure]:
    """Evaluations by OFREP, per second of the bridge's own processor time."""
    async with _bridges(1) as (_, _, (bridge,)):
        await _write(bridge, 5.0)
        own = await _reads(bridge, "/ofrep/v1/evaluate/flags/" + FLAG)
        health = await _reads(bridge, None)
    name = "/healthz of the same bridge: a route that does nothing"
    return [figure("flag_http_per_s", own, "per s", ">= 3000", peer=name, peer_value=health)]


async def _reads(bridge: Bridge, path: str | None) -> float:
    assert bridge.program.process is not None
    process = psutil.Process(bridge.program.process.pid)
    before, until, done = process.cpu_times(), time.perf_counter() + READ_FOR, 0

    async def read() -> None:
        nonlocal done
        http = RawHttp(bridge.port)
        while time.perf_counter() < until:
            if path is None:
                status, _ = await http.get("/healthz")
            else:
                status, _ = await http.post(path, {"context": {"connector": "hive", "app": "sync"}})
            assert status == 200
            done += 1
        await http.close()

    await asyncio.gather(*(read() for _ in range(READERS)))
    after = process.cpu_times()
    return done / (after.user + after.system - before.user - before.system)


async def measure_propagation() -> list[Figure]:
    """A change by one replica, until an evaluation by each of the others shows it."""
    took: list[float] = []
    async with _bridges(3) as (_, _, bridges):
        for number in range(CHANGES):
            version = await _write(bridges[number % 3], float(number % 90))
            began = time.perf_counter()
            await asyncio.gather(*(_until_in_force(each, version) for each in bridges))
            took.append((time.perf_counter() - began) * 1000)
        polled = await _polled(bridges)
    name = "a client that polls the document every second"
    return [
        figure(
            "flag_propagation_p99_ms",
            percentile(took, 0.99),
            "ms",
            "<= 1000",
            peer=name,
            peer_value=percentile(polled, 0.99),
        ),
        figure("flag_propagation_p50_ms", percentile(took, 0.5), "ms", ""),
    ]


async def _polled(bridges: list[Bridge]) -> list[float]:
    """The same for three clients that each look once a second."""
    took: list[float] = []
    for number in range(POLLED):
        await asyncio.sleep(random.random())
        version = await _write(bridges[0], float(number))
        began = time.perf_counter()
        phases = (random.random() for _ in bridges)  # where each is within its second
        looks = zip(bridges, phases, strict=True)
        await asyncio.gather(*(_until_in_force(each, version, 1.0, first) for each, first in looks))
        took.append((time.perf_counter() - began) * 1000)
    return took


async def _until_in_force(bridge: Bridge, version: int, every: float = 0.0, first: float = 0.0) -> None:
    http = RawHttp(bridge.port)
    await asyncio.sleep(first)
    async with asyncio.timeout(10):
        while True:
            _, answer = await http.post(f"/ofrep/v1/evaluate/flags/{FLAG}", {})
            if answer["metadata"]["config_version"] >= version:
                break
            await asyncio.sleep(every)
    await http.close()


async def measure_blackhole() -> list[Figure]:
    """Decisions from the moment on at which Redis takes connections, and answers nothing any more."""
    async with _bridges(1) as (redis, _, (bridge,)):
        await _write(bridge, 50.0)
        await _decide(bridge, 50)
        assert redis.pid is not None
        process = psutil.Process(redis.pid)
        process.suspend()
        try:
            took = await _decide(bridge, DECISIONS)
            peer = await _default_client(redis)
        finally:
            process.resume()
    name = "one GET by redis-py as it comes, with socket_timeout 0.3 s"
    return [
        figure(
            "flag_blackhole_p999_ms",
            percentile(took, 0.999),
            "ms",
            "<= 500",
            peer=name,
            peer_value=peer,
        ),
        figure("flag_blackhole_p50_ms", percentile(took, 0.5), "ms", ""),
    ]


async def _decide(bridge: Bridge, count: int) -> list[float]:
    took: list[float] = []

    async def some(share: int) -> None:
        http = RawHttp(bridge.port)
        for _ in range(share):
            uid = uuid.uuid4().hex
            argo = {"namespace": "argo", "workflow": f"w-{uid}", "uid": uid, "node_name": "w.x"}
            began = time.perf_counter()
            status, answer = await http.post("/v1/decisions", {"argo": argo})
            took.append((time.perf_counter() - began) * 1000)
            assert status == 200, answer
        await http.close()

    await asyncio.gather(*(some(count // 4) for _ in range(4)))
    return took


async def _default_client(redis: RedisServer) -> float:
    client = Redis(port=redis.port, socket_timeout=0.3, socket_connect_timeout=0.3)
    began = time.perf_counter()
    with contextlib.suppress(Exception):
        await client.get("flags")
    await client.aclose()
    return (time.perf_counter() - began) * 1000


async def _write(bridge: Bridge, crossover: float) -> int:
    """The version that the change made, or that was there."""
    flag: dict[str, Any] = DOCUMENT.model_dump(mode="json", by_alias=True)["flags"][FLAG]
    flag["rollout"][1]["crossover"] = crossover
    flag["description"] = uuid.uuid4().hex
    async with httpx.AsyncClient(base_url=bridge.url, trust_env=False) as http:
        reply = await http.put(
            f"/v1/flags/{FLAG}", json={"flag": flag, "reason": "bench"}, headers={"If-Match": "*"}
        )
        reply.raise_for_status()
        return int(reply.json()["version"]["number"])


@asynccontextmanager
async def _bridges(count: int) -> AsyncGenerator[tuple[RedisServer, TemporalServer, list[Bridge]], None]:
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        redis = await stack.enter_async_context(RedisServer())
        temporal = await stack.enter_async_context(TemporalServer.started())
        bridges = []
        for number in range(count):
            bridge = Bridge(
                temporal.address,
                home / f"bridge-{number}.log",
                log_level="warning",
                redis_url=redis.url,
                state_dir=home / f"state-{number}",
            )
            bridges.append(await stack.enter_async_context(bridge))
        yield redis, temporal, bridges
