"""A real API server takes every object of the chart, in a namespace for restricted pods only."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from testbed.kubernetes.admin import NAMESPACES, SERVICE_ACCOUNTS, Admin
from tests.argo.conftest import Cluster
from tests.helm.api import DryRuns
from tests.helm.chart import SETS, Helm, Object, of_kind, values_of

RESTRICTED = {
    f"pod-security.kubernetes.io/{mode}{part}": value
    for mode in ("enforce", "warn")
    for part, value in (("", "restricted"), ("-version", "latest"))
}

OF_PROMETHEUS = ("ServiceMonitor", "PrometheusRule")
"""Kinds of Prometheus' operator, which is not there."""

NAMES = ("crossover", "argo-acme", "argo-globex", "workers-acme")
"""The namespaces that sets of values name: all of them are the test's one."""


def moved(value: Any, namespace: str, key: str = "") -> Any:
    """The same values for the test's namespace."""
    if isinstance(value, dict):
        return {name: moved(inner, namespace, name) for name, inner in value.items()}
    if isinstance(value, list):
        found = [moved(inner, namespace, key) for inner in value]
        return list(dict.fromkeys(found)) if key.endswith("namespaces") else found
    return namespace if "namespace" in key and value in NAMES else value


@pytest.fixture
async def restricted(admin: Admin, fresh_name: str) -> AsyncGenerator[str, None]:
    """A namespace where pods that are not restricted are refused, and warned of where they are templates."""
    await admin.create(NAMESPACES, {"metadata": {"name": fresh_name, "labels": RESTRICTED}})
    yield fresh_name
    await admin.delete_all(SERVICE_ACCOUNTS, fresh_name)
    await admin.delete(NAMESPACES, fresh_name)


@pytest.fixture
def kubeconfig(control_plane: Cluster) -> Path:
    return control_plane.kubeconfig


def objects(helm: Helm, name: str, namespace: str) -> list[Object]:
    found = helm.render(moved(values_of(name), namespace), namespace=namespace)
    return [each for each in found if each["kind"] not in OF_PROMETHEUS]


@pytest.mark.parametrize("name", SETS)
async def test_the_api_server_takes_every_object_without_a_warning(
    helm: Helm, kubeconfig: Path, restricted: str, name: str
) -> None:
    everything = objects(helm, name, restricted)
    said: dict[str, list[str]] = {}
    async with DryRuns.connected(kubeconfig) as server:
        # A pod is admitted only beside its service account.
        accounts = of_kind(everything, "ServiceAccount")
        for account in accounts:
            assert await server.create(account, keep=True) == []
        for item in everything:
            if item not in accounts:
                said[f"{item['kind']} {item['metadata']['name']}"] = await server.create(item)
    assert len(said) >= 3
    assert {item: words for item, words in said.items() if words} == {}


async def test_a_pod_that_is_not_restricted_would_be_told(
    helm: Helm, kubeconfig: Path, restricted: str
) -> None:
    everything = objects(helm, "default", restricted)
    bridge = next(each for each in everything if each["kind"] == "Deployment")
    del bridge["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]
    async with DryRuns.connected(kubeconfig) as server:
        (said,) = await server.create(bridge)
        assert "would violate PodSecurity" in said
        bridge["spec"]["template"]["spec"]["replicas"] = 2
        (refused,) = await server.create(bridge)
        assert 'unknown field "spec.template.spec.replicas"' in refused
