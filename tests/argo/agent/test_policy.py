"""The admission policy: of a task set's status, the agent writes its own nodes and nothing else."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.kubernetes.admin import SERVICE_ACCOUNTS, TASK_SETS, Admin, Refused
from tests.argo.agent.accounts import (
    AGENT,
    POLICIES,
    POLICY_BINDINGS,
    RESOURCES,
    allowed,
    apply_file,
    documents,
    kubeconfig_of,
    task_set,
)
from tests.argo.agent.conftest import until
from tests.argo.conftest import Cluster

TASKS: dict[str, Any] = {
    "ours": {"name": "a", "plugin": {"crossover": {"app": "x"}}},
    "ours-too": {"name": "a", "plugin": {"crossover": {"app": "x"}}},
    "http": {"name": "b", "http": {"url": "http://x.test"}},
    "theirs": {"name": "c", "plugin": {"hello": {}}},
    "odd": {"name": "d"},
}

NODE = {"phase": "Succeeded", "message": "done", "outputs": {"result": "1"}}


@pytest.fixture(scope="session")
async def policy(control_plane: Cluster) -> AsyncGenerator[None, None]:
    """In force until the session ends, unless it was before."""
    async with Admin.connected(control_plane.kubeconfig) as admin:
        there = [each["metadata"]["name"] for each in await admin.list(POLICIES)]
        await apply_file(admin, "admission-policy.yaml", "")
        yield
        if AGENT not in there:
            await admin.delete(POLICY_BINDINGS, AGENT)
            await admin.delete(POLICIES, AGENT)


@pytest.fixture
async def agent(
    control_plane: Cluster, policy: None, admin: Admin, namespace: str, tmp_path: Path
) -> AsyncGenerator[Admin, None]:
    """A client that is the agent of rbac.yaml, with a task set that holds all kinds of tasks."""
    await apply_file(admin, "rbac.yaml", namespace)
    await admin.create(TASK_SETS, task_set("wf", TASKS), namespace)
    await write(admin, namespace, {"theirs": {"phase": "Pending"}})
    path = await kubeconfig_of(admin, control_plane.kubeconfig, AGENT, namespace, tmp_path)
    async with Admin.connected(path) as client:
        await until_in_force(client, namespace)
        yield client


async def write(who: Admin, namespace: str, nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {"status": {"nodes": nodes}, **more}
    return await who.patch(TASK_SETS, "wf", body, namespace, "status")


async def until_in_force(agent: Admin, namespace: str) -> None:
    """The API server takes up new roles and policies a moment later. Each try is another change: none is
    allowed."""
    numbers = itertools.count()

    async def judged() -> bool:
        try:
            await write(agent, namespace, {"theirs": {"message": f"probe {next(numbers)}"}})
        except Refused as refused:
            if refused.status != 403:
                return refused.status == 422
        return False

    await until(judged)


async def refused(who: Admin, namespace: str, status: dict[str, Any]) -> str:
    with pytest.raises(Refused) as caught:
        await who.patch(TASK_SETS, "wf", {"status": status}, namespace, "status")
    assert caught.value.status == 422
    return caught.value.message


async def test_its_own_nodes_and_those_of_http_tasks_are_written(agent: Admin, namespace: str) -> None:
    await write(agent, namespace, {"ours": {"phase": "Pending", "message": "1/2"}})
    await write(agent, namespace, {"ours": NODE, "ours-too": NODE, "http": NODE})
    found = (await agent.list(TASK_SETS, namespace))[0]["status"]["nodes"]
    assert {key: found[key]["phase"] for key in ("ours", "ours-too", "http")} == dict.fromkeys(
        ("ours", "ours-too", "http"), "Succeeded"
    )


async def test_repeating_what_is_written_is_harmless(agent: Admin, admin: Admin, namespace: str) -> None:
    await write(agent, namespace, {"ours": NODE})
    await write(
        agent, namespace, {"ours": NODE, "theirs": {"phase": "Pending"} | await theirs(admin, namespace)}
    )


async def theirs(admin: Admin, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = (await admin.get(TASK_SETS, "wf", namespace))["status"]["nodes"]["theirs"]
    return found


async def test_a_node_that_is_over_may_be_written_again_as_argo_retry_uses_its_id_anew(
    agent: Admin, namespace: str
) -> None:
    await write(agent, namespace, {"ours": {"phase": "Failed"}})
    await write(agent, namespace, {"ours": {"phase": "Pending"}})


@pytest.mark.parametrize("key", ["theirs", "odd", "unknown"])
async def test_nobody_elses_node_is_written(agent: Admin, namespace: str, key: str) -> None:
    message = await refused(agent, namespace, {"nodes": {key: NODE}})
    assert "crossover and http tasks only" in message
    assert "crossover and http tasks only" in await refused(
        agent, namespace, {"nodes": {"ours": NODE, key: NODE}}
    )


async def test_no_node_is_removed(agent: Admin, namespace: str) -> None:
    assert "may not remove nodes" in await refused(agent, namespace, {"nodes": {"theirs": None}})
    await write(agent, namespace, {"ours": NODE})
    assert "may not remove nodes" in await refused(agent, namespace, {"nodes": {"ours": None}})
    assert "may not remove nodes" in await refused(agent, namespace, {"nodes": None})


async def test_nothing_else_of_the_status_changes(agent: Admin, admin: Admin, namespace: str) -> None:
    assert "nothing of the status but" in await refused(agent, namespace, {"phase": "Succeeded"})
    await admin.patch(TASK_SETS, "wf", {"status": {"other": {"a": 1}}}, namespace, "status")
    assert "nothing of the status but" in await refused(agent, namespace, {"other": {"a": 2}})
    assert "nothing of the status but" in await refused(agent, namespace, {"other": None})
    await write(agent, namespace, {"ours": NODE})


async def test_tasks_and_labels_cannot_be_slipped_in_by_way_of_the_status(
    agent: Admin, namespace: str
) -> None:
    """Not even tasks that would make somebody else's node ours."""
    mine = {"spec": {"tasks": {"theirs": TASKS["ours"], "unknown": TASKS["ours"]}}}
    with pytest.raises(Refused):
        await write(agent, namespace, {"unknown": NODE}, **mine)
    await write(agent, namespace, {"ours": NODE}, **mine, metadata={"labels": {"a": "b"}})
    found = (await agent.list(TASK_SETS, namespace))[0]
    assert found["spec"]["tasks"] == TASKS
    assert "labels" not in found["metadata"]


async def test_wider_rights_do_not_widen_what_it_may_write(
    agent: Admin, admin: Admin, namespace: str
) -> None:
    rules = [{"apiGroups": ["argoproj.io"], "resources": ["workflowtasksets"], "verbs": ["create", "patch"]}]
    for each in documents("rbac.yaml"):
        if each["kind"] in ("Role", "RoleBinding") and each["metadata"]["name"] == AGENT:
            each["metadata"]["name"] = "wider"
            each |= {"rules": rules} if each["kind"] == "Role" else {}
            if each["kind"] == "RoleBinding":
                each["roleRef"]["name"] = "wider"
            await admin.apply(RESOURCES[each["kind"]], each, namespace)
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: agent.patch(TASK_SETS, "wf", {"spec": {"tasks": {"unknown": TASKS["ours"]}}}, namespace),
        lambda: agent.patch(TASK_SETS, "wf", {"metadata": {"labels": {"a": "b"}}}, namespace),
        lambda: agent.create(TASK_SETS, task_set("wf2", {}), namespace),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            await allowed(call)
        assert "nothing but the status" in caught.value.message


async def test_others_write_what_they_may(
    agent: Admin, control_plane: Cluster, admin: Admin, namespace: str, tmp_path: Path
) -> None:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "other-agent"}}
    await admin.apply(SERVICE_ACCOUNTS, account, namespace)
    binding = next(
        each
        for each in documents("rbac.yaml")
        if each["kind"] == "RoleBinding" and each["metadata"]["name"] == AGENT
    )
    binding["metadata"]["name"] = "other"
    binding["subjects"][0]["name"] = "other-agent"
    await admin.apply(RESOURCES["RoleBinding"], binding, namespace)
    path = await kubeconfig_of(admin, control_plane.kubeconfig, "other-agent", namespace, tmp_path)
    async with Admin.connected(path) as other:
        await allowed(lambda: write(other, namespace, {"theirs": NODE, "ours": NODE}))
    await admin.patch(TASK_SETS, "wf", {"status": {"nodes": None}}, namespace, "status")


@pytest.mark.timeout(600)
async def test_thousands_of_nodes_are_judged_within_the_apis_budget(
    agent: Admin, admin: Admin, namespace: str
) -> None:
    """Others' nodes are compared each time; a policy that runs out of budget would refuse everything.

    The budget is of steps, not of time: a machine that is slow is none of the policy's business.
    """
    tasks = {f"node-{index}": TASKS["theirs" if index % 2 else "ours"] for index in range(4000)}
    nodes = {key: NODE for key, task in tasks.items() if "hello" in task["plugin"]}
    own = {key: NODE for key, task in tasks.items() if "crossover" in task["plugin"]}
    await admin.create(TASK_SETS, task_set("large", {}), namespace)
    await answered(lambda: admin.patch(TASK_SETS, "large", {"spec": {"tasks": tasks}}, namespace))
    await answered(lambda: admin.patch(TASK_SETS, "large", {"status": {"nodes": nodes}}, namespace, "status"))
    found = await answered(
        lambda: agent.patch(TASK_SETS, "large", {"status": {"nodes": own}}, namespace, "status")
    )
    assert len(found["status"]["nodes"]) == 4000


async def answered(call: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """The answer, or what refuses it, of an API server that may be too slow to give one at once.

    It gives up a request after 34 s with a 504, and etcd after 7 s with a 500 that says so. What is asked
    here can be asked again.
    """
    while True:
        try:
            return await call()
        except httpx.TimeoutException:
            continue
        except Refused as refused:
            if refused.status != 504 and "request timed out" not in refused.message:
                raise
