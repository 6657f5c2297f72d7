"""Two replicas: one acts, and the other goes on where it ended."""

from __future__ import annotations

from temporalio.client import Client, WorkflowExecutionStatus

from testbed.kubernetes.admin import LEASES, Admin
from tests.argo.agent.conftest import NewAgent, until
from tests.argo.agent.controller import Controlled
from tests.argo.agent.test_cancel import begun
from tests.argo.talker import finish


async def test_a_replica_that_ends_leaves_runs_alone_and_another_goes_on_at_once(
    new_agent: NewAgent, workflow: Controlled, admin: Admin, namespace: str, client: Client
) -> None:
    node = workflow.node("1")
    first, second = [new_agent(elect=True, lease_namespace=namespace, pod=pod) for pod in ("a", "b")]
    async with first, second:
        replicas = (first, second)

        async def led() -> bool:
            return sum([await each.metric("crossover_agent_leading") for each in replicas]) == 1

        await until(led)
        run = await begun(client, workflow, node)
        leader = first if await first.metric("crossover_agent_leading") else second
        other = second if leader is first else first
        assert await leader.stop() == 0
        await finish(run)
        assert (await workflow.ended(node))[node]["phase"] == "Succeeded"
        assert (await run.describe()).status is WorkflowExecutionStatus.COMPLETED
        assert await other.metric("crossover_agent_leading") == 1
    await admin.delete_all(LEASES, namespace)
