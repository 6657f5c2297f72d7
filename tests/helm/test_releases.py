"""helm's own life of a release, against a real API server: no pod runs there, but all objects are."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from testbed.kubernetes.admin import (
    CONFIG_MAPS,
    LEASES,
    NAMESPACES,
    ROLES,
    SERVICE_ACCOUNTS,
    WORKFLOW_TEMPLATES,
    Admin,
    Resource,
)
from tests.argo.conftest import Cluster
from tests.helm.chart import CHART, RELEASE, Helm, Values

DEPLOYMENTS = Resource("apis/apps/v1", "deployments")
SERVICES = Resource("api/v1", "services")
OURS = "app.kubernetes.io/instance=crossover"
KINDS = (DEPLOYMENTS, SERVICES, CONFIG_MAPS, LEASES, ROLES, SERVICE_ACCOUNTS, WORKFLOW_TEMPLATES)


class Release:
    """Of one namespace."""

    def __init__(self, helm: Helm, cluster: Cluster, namespace: str) -> None:
        self.namespace = namespace
        self._helm, self._cluster = helm, cluster

    def run(self, *words: str, values: Values | None = None) -> str:
        words = (*words, *(("--values", "-") if values is not None else ()))
        return self._helm.on_cluster(list(words), values or {}, self._cluster.kubeconfig, self.namespace)

    def values(self, **more: object) -> Values:
        """With the agent, whose admission policy would be the whole cluster's: it is left away."""
        return {
            "argo": {"namespaces": [self.namespace]},
            "tenants": {"acme": {"argo_namespaces": [self.namespace]}},
            "agent": {"enabled": True, "admissionPolicy": False},
            "workflowTemplates": {"enabled": True, "modes": ["agent"]},
            **more,
        }


@pytest.fixture
async def release(
    helm: Helm, control_plane: Cluster, admin: Admin, fresh_name: str
) -> AsyncGenerator[Release, None]:
    await admin.create(NAMESPACES, {"metadata": {"name": fresh_name}})
    release = Release(helm, control_plane, fresh_name)
    yield release
    release.run("uninstall", RELEASE, "--ignore-not-found")
    await admin.delete(NAMESPACES, fresh_name)


async def objects(admin: Admin, namespace: str) -> list[str]:
    found = [
        f"{kind.plural}/{each['metadata']['name']}"
        for kind in KINDS
        for each in await admin.list(kind, namespace, {"labelSelector": OURS})
    ]
    return sorted(found)


async def test_what_was_installed_goes_without_a_trace(release: Release, admin: Admin) -> None:
    release.run("install", RELEASE, str(CHART), values=release.values())
    installed = await objects(admin, release.namespace)
    assert {"deployments/crossover-agent", "leases/crossover-agent", "workflowtemplates/crossover-agent"} <= {
        *installed
    }
    release.run("uninstall", RELEASE)
    assert await objects(admin, release.namespace) == []


async def test_an_upgrade_leaves_the_agents_lease_to_who_holds_it(release: Release, admin: Admin) -> None:
    release.run("install", RELEASE, str(CHART), values=release.values())
    lease = await admin.get(LEASES, "crossover-agent", release.namespace)
    lease["spec"] = {"holderIdentity": "crossover-agent-0_1234", "leaseDurationSeconds": 15}
    await admin.replace(LEASES, "crossover-agent", lease, release.namespace)
    release.run("upgrade", RELEASE, str(CHART), values=release.values(commonLabels={"team": "platform"}))
    upgraded = await admin.get(LEASES, "crossover-agent", release.namespace)
    assert upgraded["metadata"]["labels"]["team"] == "platform"
    assert upgraded["spec"] == lease["spec"]
    release.run("rollback", RELEASE, "1")
    back = await admin.get(LEASES, "crossover-agent", release.namespace)
    assert "team" not in back["metadata"]["labels"]
    assert back["spec"] == lease["spec"]


async def test_the_notes_say_what_is_there_and_what_to_do_next(release: Release) -> None:
    def notes(values: Values) -> str:
        said = release.run("install", RELEASE, str(CHART), "--dry-run=server", values=values)
        return said.partition("\nNOTES:\n")[2]

    alone = notes({})
    assert f"http://crossover-bridge.{release.namespace}:8787" in alone
    assert "Nobody may start anything yet" in alone
    assert "everything is legacy" in alone
    assert f"kubectl create secret generic crossover-tokens -n {release.namespace}" in alone
    test = {"enabled": True, "token": {"secretName": "test"}}
    whole = notes(release.values(redis={"url": "redis://redis:6379/0"}, tests=test))
    assert f"agent          for {release.namespace}" in whole
    assert "There is no Redis" not in whole
    assert f"helm test crossover -n {release.namespace} --logs" in whole
