"""What the shipped roles let the agent do, and what not: asked of a real API server as the agent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from testbed.kubernetes.admin import TASK_SETS, Admin, Refused
from tests.argo.agent.accounts import (
    AGENT,
    RESOURCES,
    SECRETS,
    apply_file,
    documents,
    kubeconfig_of,
    may,
    task_set,
    until_may,
)
from tests.argo.conftest import Cluster

MAY = [
    ("get", "argoproj.io", "workflowtasksets"),
    ("list", "argoproj.io", "workflowtasksets"),
    ("watch", "argoproj.io", "workflowtasksets"),
    ("patch", "argoproj.io", "workflowtasksets/status"),
    ("get", "argoproj.io", "workflows"),
    ("list", "argoproj.io", "workflows"),
    ("watch", "argoproj.io", "workflows"),
]

MAY_HERE = [
    ("create", "coordination.k8s.io", "leases"),
    ("get", "coordination.k8s.io", "leases/crossover-agent"),
    ("update", "coordination.k8s.io", "leases/crossover-agent"),
]

MAY_NOT = [
    *((verb, "argoproj.io", "workflowtasksets") for verb in ("create", "update", "patch", "delete")),
    ("update", "argoproj.io", "workflowtasksets/status"),
    ("deletecollection", "argoproj.io", "workflowtasksets"),
    *((verb, "argoproj.io", "workflows") for verb in ("create", "update", "patch", "delete")),
    ("create", "argoproj.io", "workflowtaskresults"),
    *((verb, "argoproj.io", "workflowtemplates") for verb in ("get", "create", "update")),
    *((verb, "", "secrets") for verb in ("get", "list", "watch", "create", "update")),
    *((verb, "", "configmaps") for verb in ("get", "list", "create", "update", "patch")),
    *((verb, "", "pods") for verb in ("get", "list", "create", "delete")),
    ("create", "", "pods/exec"),
    ("get", "", "pods/log"),
    ("create", "", "serviceaccounts/token"),
    ("update", "coordination.k8s.io", "leases/other"),
    ("delete", "coordination.k8s.io", "leases/crossover-agent"),
    ("list", "coordination.k8s.io", "leases"),
    ("create", "rbac.authorization.k8s.io", "rolebindings"),
    ("update", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
    ("impersonate", "", "users"),
]


@pytest.fixture
async def agent(
    control_plane: Cluster, admin: Admin, namespace: str, tmp_path: Path
) -> AsyncGenerator[Admin, None]:
    """A client that is the agent of rbac.yaml."""
    await apply_file(admin, "rbac.yaml", namespace)
    path = await kubeconfig_of(admin, control_plane.kubeconfig, AGENT, namespace, tmp_path)
    async with Admin.connected(path) as client:
        await until_may(client, [*MAY, *MAY_HERE], namespace)
        yield client


async def test_the_agent_of_a_namespace_has_these_rights_and_no_others(agent: Admin, namespace: str) -> None:
    """Those that it has, its fixture has seen."""
    for verb, group, resource in MAY_NOT:
        assert not await may(agent, verb, group, resource, namespace), (verb, resource)


async def test_it_has_none_in_other_namespaces(agent: Admin) -> None:
    for verb, group, resource in (*MAY, *MAY_HERE, *MAY_NOT):
        assert not await may(agent, verb, group, resource, "default"), (verb, resource)


async def test_reviews_and_real_calls_agree(agent: Admin, admin: Admin, namespace: str) -> None:
    await admin.create(TASK_SETS, task_set("wf", {}), namespace)
    assert [each["metadata"]["name"] for each in await agent.list(TASK_SETS, namespace)] == ["wf"]
    assert await agent.patch(TASK_SETS, "wf", {"status": {}}, namespace, "status")
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: agent.patch(TASK_SETS, "wf", {"spec": {"tasks": {}}}, namespace),
        lambda: agent.delete(TASK_SETS, "wf", namespace),
        lambda: agent.create(TASK_SETS, task_set("wf2", {}), namespace),
        lambda: agent.list(TASK_SETS, "default"),
        lambda: agent.list(SECRETS, namespace),
    ]
    for call in calls:
        with pytest.raises(Refused) as caught:
            await call()
        assert caught.value.status == 403


async def test_argos_controller_gets_the_one_right_that_it_lacks(
    control_plane: Cluster, admin: Admin, namespace: str, tmp_path: Path
) -> None:
    """As `argo` in the test's own namespace: the shipped binding names the stock one."""
    await admin.apply(RESOURCES["ServiceAccount"], _account("argo"), namespace)
    for each in documents("rbac.yaml"):
        if each["metadata"]["name"] == "crossover-argo-controller":
            for subject in each.get("subjects", ()):
                assert (subject["name"], subject["namespace"]) == ("argo", "argo")
                subject["namespace"] = namespace
            await admin.apply(RESOURCES[each["kind"]], each, namespace)
    path = await kubeconfig_of(admin, control_plane.kubeconfig, "argo", namespace, tmp_path)
    async with Admin.connected(path) as controller:
        await until_may(controller, [("patch", "argoproj.io", "workflowtasksets/status")], namespace)
        assert not await may(controller, "patch", "argoproj.io", "workflowtasksets", namespace)


async def test_the_agent_of_the_cluster_has_the_same_rights_everywhere(
    control_plane: Cluster, admin: Admin, namespace: str, tmp_path: Path
) -> None:
    """Under names of the test's own, as these objects belong to the whole cluster."""
    made = [_moved(each, namespace) for each in documents("cluster-rbac.yaml")]
    for each in made:
        await admin.apply(RESOURCES[each["kind"]], each, each["metadata"].get("namespace", ""))
    try:
        path = await kubeconfig_of(admin, control_plane.kubeconfig, AGENT, namespace, tmp_path)
        async with Admin.connected(path) as agent:
            await until_may(agent, MAY, "default")
            await until_may(agent, MAY_HERE, namespace)
            for verb, group, resource in (*MAY_HERE, *MAY_NOT):
                assert not await may(agent, verb, group, resource, "default"), (verb, resource)
    finally:
        for each in made:
            if "namespace" not in each["metadata"]:
                await admin.delete(RESOURCES[each["kind"]], each["metadata"]["name"])


def test_both_installations_grant_the_same() -> None:
    def rules(file: str) -> dict[str, Any]:
        return {each["metadata"]["name"]: each["rules"] for each in documents(file) if "rules" in each}

    assert rules("rbac.yaml") == rules("cluster-rbac.yaml")


@pytest.mark.parametrize("file", ["rbac.yaml", "cluster-rbac.yaml"])
def test_nothing_is_granted_by_a_wildcard(file: str) -> None:
    for each in documents(file):
        for rule in each.get("rules", ()):
            assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])


def _account(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}


def _moved(document: dict[str, Any], namespace: str) -> dict[str, Any]:
    metadata = document["metadata"]
    if "namespace" in metadata:
        metadata["namespace"] = namespace
    else:
        metadata["name"] += f"-{namespace}"
    if document.get("roleRef", {}).get("kind") == "ClusterRole":
        document["roleRef"]["name"] += f"-{namespace}"
    for subject in document.get("subjects", ()):
        if subject["namespace"] == "crossover":
            subject["namespace"] = namespace
    return document
