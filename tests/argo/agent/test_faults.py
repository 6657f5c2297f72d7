"""An API server that forgets, refuses, and is used by others at the same time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from temporalio.client import Client
from temporalio.worker import Worker

from testbed.kubernetes.admin import CRDS, NAMESPACES, Admin, Refused
from testbed.kubernetes.control_plane import ControlPlane
from testbed.kubernetes.crds import apply_crds
from testbed.servers import TemporalServer
from tests.argo.agent.accounts import AGENT, apply_file, kubeconfig_of
from tests.argo.agent.conftest import NewAgent
from tests.argo.agent.controller import Controlled, template
from tests.argo.agent.program import AgentProgram
from tests.argo.agent.test_cancel import begun
from tests.argo.talker import finish


async def test_writes_of_others_do_not_keep_a_result_away(agent: AgentProgram, workflow: Controlled) -> None:
    tasks = {workflow.node(str(number)): template(input={"sleep": 0.5}) for number in range(20)}
    await workflow.hand_over(tasks)
    async with storm(workflow):
        found = await workflow.ended(*tasks)
    assert {each["phase"] for each in found.values()} == {"Succeeded"}


@asynccontextmanager
async def storm(workflow: Controlled) -> AsyncGenerator[None, None]:
    """Somebody else changes the TaskSet all the time."""

    async def write(writer: int) -> None:
        for number in range(10_000):
            await workflow.patch_task_set({"metadata": {"annotations": {f"w{writer}": str(number)}}})

    tasks = [asyncio.create_task(write(writer)) for writer in range(4)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_outputs_that_do_not_fit_fail_alone(agent: AgentProgram, workflow: Controlled) -> None:
    """Ten results of 200 kB fit into no object of etcd's."""
    big = {workflow.node(f"big-{number}"): template(input={"text": "x" * 50_000}) for number in range(14)}
    small = {workflow.node(f"small-{number}"): template() for number in range(5)}
    await workflow.hand_over({**big, **small})
    found = await workflow.ended(*big, *small)
    assert {found[node]["phase"] for node in small} == {"Succeeded"}
    phases = [found[node]["phase"] for node in big]
    assert {"Error", "Succeeded"} == set(phases)
    messages = {found[node]["message"] for node in big if found[node]["phase"] == "Error"}
    assert "TaskSet" in messages.pop()


async def test_a_kubernetes_api_that_restarts_and_forgets_is_listed_anew(
    new_agent: NewAgent, own_control_plane: ControlPlane, admin: Admin, namespace: str
) -> None:
    before, meanwhile, after = [await Controlled(admin, namespace).create() for _ in range(3)]
    async with new_agent() as agent:
        await before.hand_over({before.node("1"): template(input={"sleep": 3})})
        await own_control_plane.kill_api()
        await own_control_plane.start_api()
        await meanwhile.hand_over({meanwhile.node("1"): template()})
        await before.ended(before.node("1"))
        await meanwhile.ended(meanwhile.node("1"))
        await after.hand_over({after.node("1"): template()})
        await after.ended(after.node("1"))
        assert await agent.metric("crossover_agent_watch_restarts_total") > 0


async def test_a_busy_kubernetes_api_gets_results_in_the_end(
    temporal: TemporalServer, worker: Worker, client: Client, tmp_path: Path
) -> None:
    """One request at a time, and 429 for all others. An admin would be exempt from it."""
    flags = [
        "--max-requests-inflight=3",
        "--max-mutating-requests-inflight=1",
        "--enable-priority-and-fairness=false",
    ]
    async with ControlPlane.started(tmp_path / "plane") as plane, Admin.connected(plane.kubeconfig) as admin:
        await apply_crds(admin)
        await admin.create(NAMESPACES, {"metadata": {"name": "test-busy"}})
        await apply_file(admin, "rbac.yaml", "test-busy")
        account = await kubeconfig_of(admin, plane.kubeconfig, AGENT, "test-busy", tmp_path)
        workflows = [await Controlled(admin, "test-busy").create() for _ in range(20)]
        async with AgentProgram(temporal.address, account, tmp_path, namespaces="test-busy") as agent:
            runs = [await begun(client, each, each.node("1")) for each in workflows]
            await plane.kill_api()
            await plane.start_api(flags)
            async with crowd(plane):
                await asyncio.gather(*(finish(run) for run in runs))
                for each in workflows:
                    found = await each.ended(each.node("1"))
                    assert found[each.node("1")]["phase"] == "Succeeded"
            assert await agent.metric('crossover_agent_patches_total{outcome="away"') > 0
            assert await agent.metric('crossover_agent_patches_total{outcome="ok"') >= 20


@asynccontextmanager
async def crowd(plane: ControlPlane) -> AsyncGenerator[None, None]:
    """Others who write, and leave little room."""

    async def write(admin: Admin) -> None:
        for number in range(100_000):
            body = {"metadata": {"annotations": {"n": str(number)}}}
            with contextlib.suppress(Refused, httpx.HTTPError):
                await admin.patch(CRDS, "workflows.argoproj.io", body)
            await asyncio.sleep(0.02)

    async with Admin.connected(plane.kubeconfig) as admin:
        tasks = [asyncio.create_task(write(admin)) for _ in range(2)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
