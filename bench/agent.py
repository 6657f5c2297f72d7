"""The zero-pod agent beside a naive one: how soon it starts and patches, and what a waiting task costs."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from temporalio.client import Client, WorkflowExecutionStatus

from bench.figures import Figure, figure, percentile
from bench.rig import QUEUE, raise_file_limit
from crossover.contract.run import ArgoNode, Scope, run_id
from crossover.kubernetes.access import from_kubeconfig
from crossover.kubernetes.client import KubernetesClient
from crossover.kubernetes.watch import Changed, Watch
from testbed.agent import AgentService
from testbed.kubernetes.admin import NAMESPACES, TASK_SETS, WORKFLOWS, Admin
from testbed.kubernetes.build import build
from testbed.kubernetes.control_plane import ControlPlane
from testbed.kubernetes.crds import apply_crds
from testbed.servers import Program, TemporalServer

TASKS = 5
"""Of one TaskSet."""

WAITING, MANY = 2000, 5000
RELEASED_PER_S = 80.0
PEER_TASKS = 200


@dataclass
class Bench:
    temporal: TemporalServer
    client: Client
    api: KubernetesClient
    kubeconfig: Path
    home: Path
    results: dict[str, float] = field(default_factory=dict)
    """When each node's result was seen in its TaskSet, in seconds of the clock."""

    async def watch(self, namespace: str) -> None:
        async for event in Watch(self.api, TASK_SETS.path(namespace)).events():
            if isinstance(event, Changed):
                seen = time.time()
                for node, found in ((event.object.get("status") or {}).get("nodes") or {}).items():
                    if found.get("phase") == "Succeeded":
                        self.results.setdefault(node, seen)


@dataclass
class Task:
    run: str
    node: str
    shown: float
    """When the Workflow was about to show the node: the last that an agent needs."""


NAMESPACE = "bench"
PEER_NAMESPACE = "bench-peer"


@asynccontextmanager
async def benched() -> AsyncGenerator[Bench, None]:
    raise_file_limit()
    build()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        async with TemporalServer.started() as temporal, ControlPlane.started(home / "plane") as plane:
            async with Admin.connected(plane.kubeconfig) as admin:
                await apply_crds(admin)
                for name in (NAMESPACE, PEER_NAMESPACE):
                    await admin.create(NAMESPACES, {"metadata": {"name": name}})
            worker = Program([sys.executable, "-m", "bench.worker"], {"TEMPORAL_ADDRESS": temporal.address})
            api = KubernetesClient(from_kubeconfig(plane.kubeconfig))
            async with worker:
                client = await Client.connect(temporal.address)
                bench = Bench(temporal, client, api, plane.kubeconfig, home)
                watches = [asyncio.create_task(bench.watch(each)) for each in (NAMESPACE, PEER_NAMESPACE)]
                try:
                    yield bench
                finally:
                    for watch in watches:
                        watch.cancel()
                    await asyncio.gather(*watches, return_exceptions=True)
                    await api.close()


async def hand_over(bench: Bench, count: int, namespace: str, per_second: float, first: int) -> list[Task]:
    """`count` tasks, evenly spread, in the order in which Argo's controller writes."""
    tasks: list[Task] = []
    began = time.monotonic()
    numbers = iter(range(first, first + count, TASKS))

    async def some() -> None:
        for number in numbers:
            await asyncio.sleep(max(0.0, began + (number - first) / per_second - time.monotonic()))
            tasks.extend(await _workflow(bench.api, namespace, f"w-{number}"))

    await asyncio.gather(*(some() for _ in range(8)))
    return tasks


async def _workflow(api: KubernetesClient, namespace: str, name: str) -> list[Task]:
    kind = {"apiVersion": "argoproj.io/v1alpha1"}
    workflow = {**kind, "kind": "Workflow", "metadata": {"name": name}, "spec": {}}
    uid = (await api.post(WORKFLOWS.path(namespace), workflow))["metadata"]["uid"]
    owner = {**kind, "kind": "Workflow", "name": name, "uid": uid}
    content = {"workflow_type": "Hold", "task_queue": QUEUE, "input": '{"n": 1}'}
    template = {"name": "run", "plugin": {"crossover": content}, "timeout": "1h"}
    nodes = [f"{name}-{number}" for number in range(TASKS)]
    task_set = {
        **kind,
        "kind": "WorkflowTaskSet",
        "metadata": {"name": name, "ownerReferences": [owner]},
        "spec": {"tasks": dict.fromkeys(nodes, template)},
    }
    await api.post(TASK_SETS.path(namespace), task_set)
    shown = time.time()
    began = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    states = {node: {"id": node, "type": "Plugin", "phase": "Pending", "startedAt": began} for node in nodes}
    status = {"status": {"phase": "Running", "startedAt": began, "nodes": states}}
    await api.patch(WORKFLOWS.path(namespace, name), status)
    argo = [ArgoNode(namespace, name, uid, node) for node in nodes]
    return [Task(run_id("default", each, Scope.NODE), each.node_name, shown) for each in argo]


async def started(bench: Bench, tasks: Sequence[Task], within: float = 60) -> list[float]:
    """Milliseconds from the node's show to its run's start, by Temporal's clock."""
    delays = []
    async with asyncio.timeout(within):
        for task in tasks:
            handle = bench.client.get_workflow_handle(task.run)
            while True:
                try:
                    seen = await handle.describe()
                    break
                except Exception:
                    await asyncio.sleep(0.1)
            delays.append((seen.start_time.timestamp() - task.shown) * 1000)
    return delays


async def release(bench: Bench, tasks: Iterable[Task]) -> None:
    began = time.monotonic()
    for number, task in enumerate(tasks):
        await asyncio.sleep(max(0.0, began + number / RELEASED_PER_S - time.monotonic()))
        await bench.client.get_workflow_handle(task.run).signal("release")


async def patched(bench: Bench, tasks: Sequence[Task], within: float = 60) -> list[float]:
    """Milliseconds from a run's close to its node's result being seen."""
    async with asyncio.timeout(within):
        while not bench.results.keys() >= {task.node for task in tasks}:
            await asyncio.sleep(0.1)
    return [await _late(bench, task) for task in random.sample(tasks, min(len(tasks), 1000))]


async def _late(bench: Bench, task: Task) -> float:
    closed = (await bench.client.get_workflow_handle(task.run).describe()).close_time
    assert closed is not None
    return (bench.results[task.node] - closed.timestamp()) * 1000


async def calls(agent: AgentService) -> float:
    """To Temporal, and to the Kubernetes API."""
    names = ("temporal_calls_total", "agent_patches_total", "agent_watch_restarts_total")
    return sum([await agent.metric(f"crossover_{name}") for name in names])


def resident(agent: AgentService) -> int:
    assert agent.program.process is not None
    return psutil.Process(agent.program.process.pid).memory_info().rss


@dataclass
class Naive:
    """The peer: lists TaskSets each second, starts what is new, looks at each run each two seconds, and
    patches one node at a time."""

    bench: Bench
    calls: int = 0
    _known: dict[str, Any] = field(default_factory=dict)

    async def run(self) -> None:
        last = 0.0
        while True:
            listed = await self.bench.api.get(TASK_SETS.path(PEER_NAMESPACE))
            self.calls += 1
            for item in listed["items"]:
                await self._start(item)
            if time.monotonic() - last > 2:
                last = time.monotonic()
                await self._look()
            await asyncio.sleep(1)

    async def _start(self, item: dict[str, Any]) -> None:
        name, uid = item["metadata"]["name"], item["metadata"]["ownerReferences"][0]["uid"]
        for node in item["spec"]["tasks"]:
            run = run_id("default", ArgoNode(PEER_NAMESPACE, name, uid, node), Scope.NODE)
            if node not in self._known:
                start = self.bench.client.start_workflow("Hold", {"n": 1}, id=run, task_queue=QUEUE)
                self._known[node] = (name, await start)
                self.calls += 1

    async def _look(self) -> None:
        for node, (name, handle) in list(self._known.items()):
            if handle is None:
                continue
            self.calls += 1
            if (await handle.describe()).status is WorkflowExecutionStatus.COMPLETED:
                self.calls += 1
                body = {"status": {"nodes": {node: {"phase": "Succeeded"}}}}
                await self.bench.api.patch(TASK_SETS.path(PEER_NAMESPACE, name, "status"), body)
                self._known[node] = (name, None)


@dataclass(frozen=True)
class Measured:
    starts: list[float]
    patches: list[float]
    calls: float


async def measure_peer(bench: Bench) -> Measured:
    naive = Naive(bench)
    loop = asyncio.create_task(naive.run())
    try:
        tasks = await hand_over(bench, PEER_TASKS, PEER_NAMESPACE, 100, 100_000)
        starts = await started(bench, tasks)
        await release(bench, tasks)
        patches = await patched(bench, tasks)
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
    return Measured(starts, patches, naive.calls / PEER_TASKS)


async def measure() -> list[Figure]:
    async with benched() as bench:
        peer = await measure_peer(bench)
        log = bench.home / "agent.log"
        settings = {"namespaces": NAMESPACE, "log_level": "warning"}
        async with AgentService(bench.temporal.address, bench.kubeconfig, log, **settings) as agent:
            warm = await hand_over(bench, 50, NAMESPACE, 50, 0)
            await started(bench, warm)
            empty, before = resident(agent), await calls(agent)
            first = await hand_over(bench, 200, NAMESPACE, 25, 10_000)
            starts = await started(bench, first)
            rest = await hand_over(bench, WAITING - 200, NAMESPACE, 200, 20_000)
            await started(bench, rest[-50:])
            tasks = first + rest
            await asyncio.sleep(12)  # as tasks do, which live for minutes
            await release(bench, tasks)
            patches = await patched(bench, tasks)
            per_task = (await calls(agent) - before) / WAITING
            many = await hand_over(bench, MANY, NAMESPACE, 400, 30_000)
            await started(bench, many[-50:])
            await asyncio.sleep(11)
            kilobytes = (resident(agent) - empty) / MANY / 1024
    name = "list each second, look each two seconds"
    return [
        figure(
            "agent_start_p50_ms",
            percentile(starts, 0.5),
            "ms",
            "<= 100",
            peer=name,
            peer_value=percentile(peer.starts, 0.5),
        ),
        figure(
            "agent_patch_p50_ms",
            percentile(patches, 0.5),
            "ms",
            "<= 150",
            peer=name,
            peer_value=percentile(peer.patches, 0.5),
        ),
        figure(
            "agent_patch_p99_ms",
            percentile(patches, 0.99),
            "ms",
            "<= 1000",
            peer=name,
            peer_value=percentile(peer.patches, 0.99),
        ),
        figure("agent_kb_per_task", kilobytes, "KB", "<= 20", peer="none"),
        figure("agent_calls_per_task", per_task, "calls", "<= 4", peer=name, peer_value=peer.calls),
    ]
