"""What ends a run before its time, and what does not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from crossover.contract.run import ArgoNode, Scope, run_id
from testbed.kubernetes.admin import Admin
from tests.argo.agent.conftest import NewAgent, until
from tests.argo.agent.controller import Controlled, template
from tests.argo.agent.program import AgentProgram
from tests.argo.talker import finish

Act = Callable[[Controlled, str], Awaitable[None]]


async def stop(workflow: Controlled, node: str) -> None:
    await workflow.stop()


async def terminate(workflow: Controlled, node: str) -> None:
    await workflow.stop("Terminate")


async def take_back(workflow: Controlled, node: str) -> None:
    await workflow.take_back(node)


async def time_out(workflow: Controlled, node: str) -> None:
    await workflow.end_node(node, "Failed", "step exceeded its deadline")


async def delete(workflow: Controlled, node: str) -> None:
    await workflow.delete()


async def complete(workflow: Controlled, node: str) -> None:
    await workflow.complete("Failed")


async def complete_without_rights(workflow: Controlled, node: str) -> None:
    await workflow.complete_workflow("Failed")


ENDS = [stop, terminate, take_back, time_out, delete, complete, complete_without_rights]


@pytest.mark.parametrize("act", ENDS, ids=lambda each: each.__name__)
async def test_a_run_whose_node_is_over_is_cancelled(
    agent: AgentProgram, workflow: Controlled, client: Client, act: Act
) -> None:
    node = workflow.node("1")
    run = await begun(client, workflow, node)
    await act(workflow, node)
    await until_status(run, WorkflowExecutionStatus.CANCELED)


async def test_an_abandoned_run_outlives_its_node(
    agent: AgentProgram, workflow: Controlled, client: Client
) -> None:
    kept, other = workflow.node("kept"), workflow.node("other")
    runs = [
        await begun(client, workflow, kept, on_cancel="abandon"),
        await begun(client, workflow, other),
    ]
    await workflow.stop()
    await until_status(runs[1], WorkflowExecutionStatus.CANCELED)
    described = await runs[0].describe()
    assert described.status is WorkflowExecutionStatus.RUNNING
    await runs[0].terminate()


async def test_after_a_stop_exit_handlers_still_run(agent: AgentProgram, workflow: Controlled) -> None:
    await workflow.stop()
    node = workflow.node("exit")
    await workflow.put_tasks({node: template()})
    await workflow.show_nodes([node], name=f"{workflow.name}.onExit")
    assert (await workflow.ended(node))[node]["phase"] == "Succeeded"


async def test_a_restart_cancels_nothing(new_agent: NewAgent, workflow: Controlled, client: Client) -> None:
    node = workflow.node("1")
    async with new_agent():
        run = await begun(client, workflow, node, "Talker")
    assert (await run.describe()).status is WorkflowExecutionStatus.RUNNING
    async with new_agent():
        await finish(run)
        assert (await workflow.ended(node))[node]["phase"] == "Succeeded"


async def test_a_run_whose_task_went_while_no_agent_was_there_is_cancelled(
    new_agent: NewAgent, admin: Admin, namespace: str, client: Client
) -> None:
    taken, deleted, kept = [await Controlled(admin, namespace).create() for _ in range(3)]
    async with new_agent():
        runs = [await begun(client, each, each.node("1")) for each in (taken, deleted, kept)]
        await until(lambda: all_listed(client, namespace, 3))
    await taken.take_back(taken.node("1"))
    await deleted.delete()
    async with new_agent():
        await until_status(runs[0], WorkflowExecutionStatus.CANCELED)
        await until_status(runs[1], WorkflowExecutionStatus.CANCELED)
        assert (await runs[2].describe()).status is WorkflowExecutionStatus.RUNNING
        await kept.stop()
        await until_status(runs[2], WorkflowExecutionStatus.CANCELED)


Handle = WorkflowHandle[object, object]


async def begun(
    client: Client, workflow: Controlled, node: str, workflow_type: str = "Talker", **content: Any
) -> Handle:
    """The node's run, once it is there."""
    await workflow.hand_over({node: template(workflow_type, **content)})
    return await until_running(run_of(client, workflow, node))


def run_of(client: Client, workflow: Controlled, node: str) -> Handle:
    argo = ArgoNode(workflow.namespace, workflow.name, workflow.uid, node)
    return client.get_workflow_handle(run_id("acme", argo, Scope.NODE))


async def until_running(run: Handle) -> Handle:
    """It need not be there yet."""

    async def running() -> bool:
        try:
            return (await run.describe()).status is WorkflowExecutionStatus.RUNNING
        except Exception:
            return False

    await until(running)
    return run


async def until_status(run: Handle, status: WorkflowExecutionStatus) -> None:
    async def reached() -> bool:
        return (await run.describe()).status is status

    await until(reached)


async def all_listed(client: Client, namespace: str, count: int) -> bool:
    query = f"WorkflowId STARTS_WITH 'crossover/acme/{namespace}/'"
    return (await client.count_workflows(query)).count == count
