"""A task's life: from the TaskSet to its node's result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from temporalio.client import Client

from bridge.argo.agent.scope import Scope
from testbed.kubernetes.admin import NAMESPACES, TASK_SETS, Admin
from tests.argo.agent.conftest import SHARED, until
from tests.argo.agent.controller import Controlled, template
from tests.argo.agent.program import AgentProgram

RECORDINGS = Path(__file__).parent / "recordings"


async def test_a_task_becomes_a_run_and_its_result_the_nodes(
    agent: AgentProgram, workflow: Controlled
) -> None:
    node = workflow.node("1")
    content = {"input": '{"n": 3}', "outputs": "tables=/counts/tables", "node": f"{workflow.name}.extract"}
    await workflow.hand_over({node: template(declared=("tables", "result"), **content)})
    found = (await workflow.ended(node))[node]
    assert found["phase"] == "Succeeded", found
    outputs = {each["name"]: each["value"] for each in found["outputs"]["parameters"]}
    assert outputs["tables"] == "3"
    assert '"n":3' in outputs["result"]


async def test_the_task_set_that_was_recorded_from_argo_is_carried_out(
    agent: AgentProgram, admin: Admin, namespace: str
) -> None:
    recorded = yaml.safe_load((RECORDINGS / "taskset-created.yaml").read_text())
    ((node, task),) = recorded["spec"]["tasks"].items()
    ours = task["plugin"].pop("rec")
    task["plugin"]["crossover"] = {**ours, "task_queue": "work", "workflow_type": "Echo"} | {
        "outputs": "rows=/counts/tables"
    }
    workflow = await Controlled(admin, namespace, recorded["metadata"]["name"]).create()
    await workflow.hand_over({node: task})
    found = (await workflow.ended(node))[node]
    assert (found["phase"], found["outputs"]["parameters"]) == ("Succeeded", [{"name": "rows", "value": "3"}])
    await workflow.complete()
    assert (await workflow.task_set())["metadata"]["labels"]["workflows.argoproj.io/completed"] == "true"


async def test_a_failed_run_fails_its_node_with_its_reason(agent: AgentProgram, workflow: Controlled) -> None:
    node = workflow.node("1")
    await workflow.hand_over({node: template(input={"fail": "no such table"})})
    found = (await workflow.ended(node))[node]
    assert found["phase"] == "Failed"
    assert "no such table" in found["message"]


async def test_no_run_is_started_before_the_workflow_shows_the_node(
    agent: AgentProgram, workflow: Controlled, client: Client
) -> None:
    """Its start tells a retried node from its predecessor: without it the run's key would be wrong."""
    early, shown = workflow.node("early"), workflow.node("shown")
    tasks = {each: template() for each in (early, shown)}
    await workflow.put_tasks(tasks)
    await workflow.show_nodes({shown: tasks[shown]})
    assert (await workflow.ended(shown)).keys() == {shown}
    await workflow.show_nodes({early: tasks[early]})
    await workflow.ended(early, shown)


async def test_tasks_of_other_plugins_and_their_status_stay_as_they_are(
    agent: AgentProgram, workflow: Controlled
) -> None:
    ours, theirs = workflow.node("ours"), workflow.node("theirs")
    other = {"name": "x", "plugin": {"hello": {"a": [1, {"b": None}]}}, "odd": "\u2028"}
    await workflow.put_tasks({theirs: other})
    status = {"phase": "Running", "message": "theirs", "outputs": {"result": "half"}}
    await workflow.patch_task_set({"status": {"nodes": {theirs: status}}}, "status")
    before = await workflow.task_set()
    await workflow.hand_over({ours: template()})
    await workflow.ended(ours)
    after = await workflow.task_set()
    assert after["spec"]["tasks"][theirs] == before["spec"]["tasks"][theirs]
    assert after["status"]["nodes"][theirs] == status


async def test_a_node_that_has_a_result_is_left_alone(
    agent: AgentProgram, workflow: Controlled, client: Client
) -> None:
    done, other = workflow.node("done"), workflow.node("other")
    await workflow.put_tasks({done: template()})
    result = {"phase": "Failed", "message": "by hand"}
    await workflow.patch_task_set({"status": {"nodes": {done: result}}}, "status")
    await workflow.show_nodes([done])
    await workflow.hand_over({other: template()})
    assert (await workflow.ended(other))[done] == result
    assert await runs_of(client, workflow) == 1


async def test_what_is_wrong_with_a_task_is_its_own_nodes_error(
    agent: AgentProgram, workflow: Controlled
) -> None:
    wrong: dict[str, Any] = {
        "number": {"plugin": {"crossover": 7}},
        "unknown": template(colour="red"),
        "input": template(input="{"),
        "queue": {"plugin": {"crossover": {"workflow_type": "Echo", "task_queue": "secret"}}},
        "nothing": {"plugin": {"crossover": {}}},
        "outputs": {**template(), "outputs": {"parameters": [7, {"name": []}, {"name": "rows"}]}},
        "timeout": {**template(), "timeout": ["1h"]},
    }
    tasks = {workflow.node(step): task for step, task in wrong.items()}
    good = workflow.node("good")
    await workflow.hand_over({**tasks, good: template()})
    found = await workflow.ended(*tasks, good)
    assert found[good]["phase"] == "Succeeded"
    assert {found[node]["phase"] for node in tasks} == {"Error"}
    assert "colour" in found[workflow.node("unknown")]["message"]
    assert "secret" in found[workflow.node("queue")]["message"]


async def test_task_sets_of_odd_shapes_do_not_stop_the_others(
    agent: AgentProgram, admin: Admin, namespace: str
) -> None:
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTaskSet"}
    bodies: list[dict[str, Any]] = [
        {"spec": {"tasks": [1, 2]}},
        {"spec": {"tasks": {"a": None, "b": "x", "c": {"plugin": "crossover"}}}},
        {"spec": {"tasks": {"d": template()}}, "status": {"nodes": "none"}},
        {"spec": {}},
    ]
    for number, body in enumerate(bodies):
        meta = {"metadata": {"name": f"odd-{number}"}}
        await admin.create(TASK_SETS, {**kind, **meta, **body}, namespace)
    workflow = await Controlled(admin, namespace).create()
    await workflow.hand_over({workflow.node("1"): template()})
    await workflow.ended(workflow.node("1"))


async def test_a_namespace_without_a_tenant_is_told_so(agent: AgentProgram, admin: Admin) -> None:
    number, shards = map(int, SHARED.split("/"))
    served = Scope(shard=number, shards=shards).serves
    name = next(name for name in map("unlisted-{}".format, range(64)) if served(name))
    if name not in {each["metadata"]["name"] for each in await admin.list(NAMESPACES)}:
        await admin.create(NAMESPACES, {"metadata": {"name": name}})
    workflow = await Controlled(admin, name).create()
    node = workflow.node("1")
    await workflow.hand_over({node: template()})
    found = (await workflow.ended(node))[node]
    await workflow.delete()
    assert found["phase"] == "Error"
    assert "argo_namespaces" in found["message"]


async def test_workflows_of_another_controller_are_not_ours(
    agent: AgentProgram, admin: Admin, namespace: str, client: Client
) -> None:
    labels = {"workflows.argoproj.io/controller-instanceid": "other"}
    theirs = await Controlled(admin, namespace).create(labels)
    await theirs.put_tasks({theirs.node("1"): template()})
    await theirs.patch_task_set({"metadata": {"labels": labels}})
    ours = await Controlled(admin, namespace).create()
    await ours.hand_over({ours.node("1"): template()})
    await ours.ended(ours.node("1"))
    await theirs.show_nodes([theirs.node("1")])
    assert await runs_of(client, theirs) == 0


async def test_a_waiting_node_is_pending_and_says_how_it_goes(
    agent: AgentProgram, workflow: Controlled
) -> None:
    """Pending, for Argo looks at the timeouts of pending nodes only."""
    node = workflow.node("1")
    await workflow.hand_over({node: template("Talker")})

    async def told() -> bool:
        return node in await workflow.results()

    await until(told)
    found = (await workflow.results())[node]
    assert found["phase"] == "Pending"
    assert "http://temporal.test/" in found["message"]
    await workflow.stop()


async def test_results_reach_many_nodes_of_one_task_set(agent: AgentProgram, workflow: Controlled) -> None:
    tasks = {workflow.node(str(number)): template(input={"n": number}) for number in range(60)}
    await workflow.hand_over(tasks)
    found = await workflow.ended(*tasks)
    assert {each["phase"] for each in found.values()} == {"Succeeded"}


async def runs_of(client: Client, workflow: Controlled) -> int:
    """How many runs the workflow's nodes have had; Temporal lists a run about a second after its start."""
    prefix = f"crossover/acme/{workflow.namespace}/{workflow.uid}/"
    return (await client.count_workflows(f"WorkflowId STARTS_WITH '{prefix}'")).count
