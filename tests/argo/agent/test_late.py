"""What the agent is told late, out of order, or not at all: no run ends for it that is wanted, and none is
forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.metrics import NoOpMeter
from temporalio.client import Client, WorkflowExecutionStatus

from bridge.agent import Alone
from bridge.argo.agent.agent import Agent
from bridge.argo.agent.metrics import AgentMetrics
from bridge.argo.agent.objects import Template
from bridge.argo.agent.performer import Performer
from bridge.argo.agent.progress import Progress
from bridge.argo.agent.scope import Scope
from bridge.argo.agent.writer import Writing
from bridge.argo.node import Node
from bridge.argo.runs import View
from bridge.steps.request import StartRequest
from crossover.contract.run import Mode
from crossover.errors import Unavailable
from crossover.kubernetes.access import from_kubeconfig
from crossover.kubernetes.client import KubernetesClient, Object, Params
from testbed.kubernetes.admin import Admin
from testbed.servers import PATIENCE
from tests.argo.agent.accounts import AGENT, apply_file, kubeconfig_of
from tests.argo.agent.conftest import NewAgent, until
from tests.argo.agent.controller import Controlled, template
from tests.argo.agent.program import AgentProgram
from tests.argo.agent.test_cancel import all_listed, begun, until_status
from tests.argo.conftest import Cluster

TASK = template("Talker")
"""No other agent of the session brings it to an end."""

BEFORE, AFTER = "2026-11-21T02:00:00Z", "2026-11-21T03:00:00Z"


async def test_a_workflow_that_cannot_be_read_stops_nobody(
    new_agent: NewAgent, admin: Admin, namespace: str
) -> None:
    odd, good = [await Controlled(admin, namespace).create() for _ in range(2)]
    async with new_agent() as agent:
        await odd.show_nodes([odd.node("1")], type=["Plugin"], phase={}, startedAt=7)
        await odd.put_tasks({odd.node("1"): template()})
        later, last = good.node("later"), good.node("last")
        # Longer than a Workflow is waited for before it is asked for.
        await good.hand_over({later: template(input={"sleep": 2})})
        assert (await good.ended(later))[later]["phase"] == "Succeeded"
        await good.hand_over({last: template()})
        assert (await good.ended(last))[last]["phase"] == "Succeeded"
        assert agent.program.running


async def test_a_node_that_is_retried_with_the_very_same_task_is_begun_again(
    agent: AgentProgram, workflow: Controlled, client: Client
) -> None:
    """A controller that may not patch TaskSets leaves the task: the retry changes the Workflow alone."""
    node = workflow.node("1")
    first = await begun(client, workflow, node)
    await workflow.stop("Terminate")
    await workflow.complete_workflow("Failed")
    await until_status(first, WorkflowExecutionStatus.CANCELED)
    await workflow.patch_workflow({"spec": {"shutdown": None}})
    await workflow.show_nodes([node], AFTER)
    await until_status(first, WorkflowExecutionStatus.RUNNING)


async def test_the_shipped_rights_are_enough_to_find_a_run_that_was_lost(
    new_agent: NewAgent,
    workflow: Controlled,
    control_plane: Cluster,
    admin: Admin,
    namespace: str,
    client: Client,
    tmp_path: Path,
) -> None:
    """What the watches did not tell is asked for, which takes a right of its own."""
    await apply_file(admin, "rbac.yaml", namespace)
    account = await kubeconfig_of(admin, control_plane.kubeconfig, AGENT, namespace, tmp_path)
    node = workflow.node("1")
    async with new_agent(kubeconfig=account):
        run = await begun(client, workflow, node)
        await until(lambda: all_listed(client, namespace, 1))
    await workflow.take_back(node)
    async with new_agent(kubeconfig=account):
        await until_status(run, WorkflowExecutionStatus.CANCELED)


class Held(KubernetesClient):
    """A client whose answers, or watches, of a path are held back."""

    def __init__(self, kubeconfig: Path) -> None:
        super().__init__(from_kubeconfig(kubeconfig))
        self._holds: dict[str, asyncio.Event] = {}
        self.asked: list[str] = []

    def hold(self, path: str) -> Callable[[], None]:
        """Until what is returned is called."""
        self._holds[path] = asyncio.Event()
        return self._holds[path].set

    async def get(self, path: str, params: Params | None = None) -> Object:
        try:
            return await super().get(path, params)
        finally:
            self.asked.append(path)
            await self._let_through(path)

    @asynccontextmanager
    async def stream(
        self, path: str, params: Params, *, quiet: float
    ) -> AsyncGenerator[AsyncIterator[bytes] | None, None]:
        async with super().stream(path, params, quiet=quiet) as chunks:
            assert chunks is not None
            yield self._held(f"{path}?watch", chunks)

    async def _held(self, path: str, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            await self._let_through(path)
            yield chunk

    async def _let_through(self, path: str) -> None:
        if (opened := self._holds.get(path)) is not None:
            await opened.wait()


class OpenRuns:
    """Runs that never end by themselves, one for each key."""

    def __init__(self) -> None:
        self.attached: list[str] = []
        self.cancelled: list[str] = []
        self.away = False
        self.refused: str | None = None

    async def attach(
        self, tenant: str, request: StartRequest, *, mode: Mode, key: str, repeated: bool
    ) -> View:
        self.attached.append(key)
        return self._view(f"crossover/{tenant}/{request.argo.node_name}")

    async def wait(self, run: str, *, timeout: float, revision: str | None) -> View:
        await asyncio.sleep(timeout)
        return self._view(run)

    async def cancel(self, run: str, *, reason: str) -> None:
        if self.away:
            self.refused = run
            raise Unavailable("Temporal is away.")
        self.cancelled.append(reason)

    def _view(self, run: str) -> View:
        words: dict[str, Any] = {
            "progress": None,
            "message": None,
            "problems": [],
            "links": {"logs": None, "temporal": None},
        }
        return {"id": run, "phase": "Running", "revision": "1", "cancel_requested": False, **words}


class Scene:
    def __init__(self, agent: Agent, api: Held, runs: OpenRuns, workflow: Controlled) -> None:
        self.agent, self.api, self.runs, self.workflow = agent, api, runs, workflow
        self.node = workflow.node("1")

    def path(self, plural: str) -> str:
        return f"/apis/argoproj.io/v1alpha1/namespaces/{self.workflow.namespace}/{plural}"

    async def attached(self, count: int) -> None:
        await self.until(lambda: len(self.runs.attached) == count)

    async def until(self, condition: Callable[[], bool]) -> None:
        async def holds() -> bool:
            return condition()

        await until(holds)

    async def told(self) -> None:
        """All that has happened up to now: the news of a second workflow come after it."""
        before = len(self.runs.attached)
        other = await Controlled(self.workflow._admin, self.workflow.namespace).create()
        await other.hand_over({other.node("1"): TASK})
        await self.attached(before + 1)


class Calls:
    """Carries out `http` templates, at once."""

    def __init__(self) -> None:
        self.made = 0

    async def run(self, namespace: str, template: Template) -> Node:
        self.made += 1
        return {"phase": "Succeeded", "message": "", "outputs": {"result": str(self.made)}}


@pytest.fixture
async def scene(control_plane: Cluster, workflow: Controlled) -> AsyncGenerator[Scene, None]:
    async with acting(control_plane, workflow) as scene:
        yield scene


@asynccontextmanager
async def acting(
    control_plane: Cluster, workflow: Controlled, instance: str = "", http: Calls | None = None
) -> AsyncGenerator[Scene, None]:
    """An agent in this process."""
    api, runs = Held(control_plane.kubeconfig), OpenRuns()
    metrics = AgentMetrics(NoOpMeter("test"))
    performer = Performer(runs, lambda _: "acme", http, asyncio.Semaphore(8), metrics)
    scope = Scope(namespaces=(workflow.namespace,), instance=instance)
    agent = Agent(api, scope, performer, Writing(api, Alone(), metrics), Progress(5), metrics, 0.1)
    task = asyncio.create_task(agent.run())
    try:
        await asyncio.wait_for(agent.listed.wait(), PATIENCE)
        yield Scene(agent, api, runs, workflow)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await api.close()


async def test_an_answer_that_is_older_than_the_watch_ends_nothing(scene: Scene) -> None:
    """The TaskSet was not there yet when it was asked for, as the sweep of lost runs does."""
    name = (scene.workflow.namespace, scene.workflow.name)
    slow = scene.path("workflows") + f"/{name[1]}"
    release = scene.api.hold(slow)
    looking = asyncio.create_task(scene.agent.look(name))
    await scene.until(lambda: slow in scene.api.asked)
    await scene.workflow.hand_over({scene.node: TASK})
    await scene.attached(1)
    release()
    await looking
    await scene.told()
    assert scene.runs.cancelled == []


async def test_an_old_end_of_a_workflow_that_is_told_late_ends_nothing(scene: Scene) -> None:
    """Its end and its retry lie in a watch that is behind; the retried task has been asked for meanwhile."""
    await scene.workflow.hand_over({scene.node: TASK}, BEFORE)
    await scene.attached(1)
    release = scene.api.hold(scene.path("workflows") + "?watch")
    await scene.workflow.complete("Failed")
    await scene.until(lambda: len(scene.runs.cancelled) == 1)
    await scene.workflow.hand_over({scene.node: TASK}, AFTER)
    await scene.attached(2)
    release()
    await scene.told()
    assert len(scene.runs.cancelled) == 1


async def test_a_cancel_that_temporal_did_not_take_in_time_spares_the_nodes_next_life(scene: Scene) -> None:
    """It found the very run again, which is still open."""
    await scene.workflow.hand_over({scene.node: TASK}, BEFORE)
    await scene.attached(1)
    scene.runs.away = True
    await scene.workflow.complete("Failed")
    await scene.until(lambda: not scene.agent.held())
    await scene.workflow.hand_over({scene.node: TASK}, AFTER)
    await scene.attached(2)
    scene.runs.away = False
    await scene.until(lambda: scene.runs.refused is not None and len(scene.agent._tasks) == 1)
    assert scene.runs.cancelled == []


async def test_a_call_whose_result_goes_before_its_task_is_not_made_again(
    control_plane: Cluster, admin: Admin, namespace: str
) -> None:
    """Argo's controller takes results out of the status first, and tasks after them."""
    ours, calls = {"workflows.argoproj.io/controller-instanceid": "ours"}, Calls()
    workflow = await Controlled(admin, namespace).create(ours)
    node, last = workflow.node("1"), workflow.node("last")
    http = {"name": "call", "http": {"url": "http://web.test/"}}
    await workflow.put_tasks({})
    await workflow.patch_task_set({"metadata": {"labels": ours}})
    async with acting(control_plane, workflow, "ours", calls) as scene:
        await workflow.hand_over({node: http})
        await workflow.ended(node)
        release = scene.api.hold(scene.path("workflows") + "?watch")
        await workflow.end_node(node, "Succeeded")
        await workflow.patch_task_set({"status": {"nodes": None}}, "status")
        await workflow.hand_over({last: http})  # begun only once the Workflow was asked for
        await workflow.ended(last)
        release()
        await workflow.take_back(node)
        await workflow.ended(last)
    assert calls.made == 2
