"""What a restart, a retry and an outage of Temporal leave behind: one run per node's life, one result."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from crossover.kubernetes.access import from_kubeconfig
from crossover.kubernetes.client import KubernetesClient
from crossover.kubernetes.watch import Changed, Watch
from testbed.kubernetes.admin import TASK_SETS, Admin
from testbed.servers import TemporalServer
from tests.argo.agent.conftest import NewAgent, until
from tests.argo.agent.controller import Controlled, template
from tests.argo.agent.test_cancel import all_listed, run_of, until_running
from tests.argo.conftest import Cluster
from tests.argo.talker import finish
from tests.proxy import Proxy

CANCEL_REQUESTED = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED


class Seen:
    """Every result that the TaskSets of a namespace ever showed, in order, by node."""

    def __init__(self, kubeconfig: Path, namespace: str) -> None:
        self._api = KubernetesClient(from_kubeconfig(kubeconfig))
        self._path = TASK_SETS.path(namespace)
        self.results: dict[str, list[Any]] = defaultdict(list)

    async def __aenter__(self) -> Seen:
        self._task = asyncio.create_task(self._watch())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._api.close()

    async def _watch(self) -> None:
        async for event in Watch(self._api, self._path).events():
            if isinstance(event, Changed):
                for node, found in ((event.object.get("status") or {}).get("nodes") or {}).items():
                    if found["phase"] != "Pending" and found not in self.results[node][-1:]:
                        self.results[node].append(found)


async def test_an_agent_killed_amid_500_tasks_leaves_each_with_one_run_and_one_result(
    new_agent: NewAgent, control_plane: Cluster, admin: Admin, namespace: str, client: Client
) -> None:
    workflows = [await Controlled(admin, namespace).create() for _ in range(10)]
    nodes = {each: [each.node(str(number)) for number in range(50)] for each in workflows}
    agent = new_agent()
    async with Seen(control_plane.kubeconfig, namespace) as seen, agent:
        for each in workflows:
            *short, last = nodes[each]
            tasks = {node: template(input={"sleep": 1.0}) for node in short}
            await each.hand_over({**tasks, last: template("Talker")})

        async def amid() -> bool:
            return len(seen.results) > 50

        await until(amid)
        await agent.kill()
        assert len(seen.results) < 500
        await agent.start()
        for each in workflows:
            held = await until_running(run_of(client, each, nodes[each][-1]))
            await finish(held)
        for each in workflows:
            await each.ended(*nodes[each])
    assert {len(found) for found in seen.results.values()} == {1}
    assert {found[0]["phase"] for found in seen.results.values()} == {"Succeeded"}
    await until(lambda: all_listed(client, namespace, 500))


async def test_a_retried_node_gets_a_new_run_and_a_restart_gives_the_old_result(
    new_agent: NewAgent, workflow: Controlled, namespace: str, client: Client
) -> None:
    node = workflow.node("1")
    task = {node: template(input={"fail": "planned"})}
    async with new_agent():
        await workflow.hand_over(task, "2026-11-21T02:00:00Z")
        assert (await workflow.ended(node))[node]["phase"] == "Failed"
        await until(lambda: all_listed(client, namespace, 1))
    # The result was lost on its way to Argo: it is given again, by the run that failed.
    await workflow.patch_task_set({"status": {"nodes": None}}, "status")
    async with new_agent():
        assert (await workflow.ended(node))[node]["phase"] == "Failed"
        assert await all_listed(client, namespace, 1)
        await workflow.complete("Failed")
        await workflow.hand_over(task, "2026-11-21T03:00:00Z")
        assert (await workflow.ended(node))[node]["phase"] == "Failed"
        await until(lambda: all_listed(client, namespace, 2))


async def test_a_run_that_an_earlier_life_of_the_node_cancels_is_not_the_new_ones(
    new_agent: NewAgent, workflow: Controlled, namespace: str, client: Client
) -> None:
    node = workflow.node("1")
    task = {node: template("Stubborn", cancel_grace="3s")}
    run = run_of(client, workflow, node)

    async def cancel_is_requested() -> bool:
        """Before that, the next life would find an open run, and keep it."""
        return any([event.event_type == CANCEL_REQUESTED async for event in run.fetch_history_events()])

    async with new_agent():
        await workflow.hand_over(task, "2026-11-21T02:00:00Z")
        await until(lambda: all_listed(client, namespace, 1))
        await workflow.complete("Failed")
        await until(cancel_is_requested)
        await workflow.hand_over(task, "2026-11-21T03:00:00Z")
        await until(lambda: all_listed(client, namespace, 2))
        assert node not in await workflow.results()
        await workflow.complete("Failed")


async def test_while_temporal_is_away_tasks_wait(
    new_agent: NewAgent, temporal: TemporalServer, admin: Admin, namespace: str, client: Client
) -> None:
    waiting, new = [await Controlled(admin, namespace).create() for _ in range(2)]
    async with Proxy(temporal.port) as proxy, new_agent(address=proxy.address) as agent:
        await waiting.hand_over({waiting.node("1"): template("Talker")})

        async def begun() -> bool:
            return await agent.metric("crossover_agent_starts_total") == 1

        await until(begun)
        await proxy.refuse()
        await finish(run_of(client, waiting, waiting.node("1")))
        await new.hand_over({new.node("1"): template()})

        async def tried() -> bool:
            return await agent.metric('crossover_temporal_calls_total{call="StartWorkflowExecution"') > 1

        await until(tried)
        results = [*(await new.results()).values(), *(await waiting.results()).values()]
        assert {each["phase"] for each in results} <= {"Pending"}, results
        await proxy.listen()
        for each in (waiting, new):
            found = await each.ended(each.node("1"))
            assert found[each.node("1")]["phase"] == "Succeeded"
