"""What breaks while a step waits and its feed is open: nothing is lost, and nothing comes twice."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from testbed.kubernetes.admin import NODES, PODS, Resource
from testbed.kubernetes.cluster import Cluster
from tests.cluster.release import Release
from tests.cluster.scene import Waiting, waiting, worker_is_out
from tests.cluster.site import patiently, until

EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction"}
STORES = ("redis", "temporal")
"""Both keep what they know in memory: they stand for stores elsewhere, and are not what is drained."""


@pytest.fixture
async def scene(release: Release, tmp_path: Path) -> AsyncGenerator[Waiting, None]:
    async with waiting(release, tmp_path) as scene:
        yield scene
    await release.ready()
    await until(lambda: worker_is_out(release))


@pytest.fixture
def own(release: Release) -> Cluster:
    """Whose node may be hurt."""
    if release.site.own is None:
        pytest.skip("A cluster that was given to us is not hurt.")
    return release.site.own


async def evict(scene: Waiting, pod: str, namespace: str) -> None:
    body = {**EVICTION, "metadata": {"name": pod, "namespace": namespace}}
    path = Resource("api/v1", f"namespaces/{namespace}/pods/{pod}/eviction")
    await patiently(scene.release.site.admin.create, path, body)


async def delete(scene: Waiting, component: str) -> None:
    """All pods of a component."""
    for pod in await scene.release.pods(component):
        name = pod["metadata"]["name"]
        await patiently(scene.release.site.admin.delete, PODS, name, scene.release.namespace)


async def test_an_evicted_step_lets_go_and_its_next_pod_finds_the_run_again(scene: Waiting) -> None:
    await evict(scene, await scene.workflow.newest("extract"), scene.workflow.namespace)
    await scene.workflow.running("extract", attempt=1)
    await scene.goes_on()
    step = await scene.proven()
    assert len(step.pods) == 2


async def test_a_deleted_bridge_keeps_nobody_waiting_for_long(scene: Waiting) -> None:
    await delete(scene, "bridge")
    await scene.goes_on()
    await scene.release.ready()
    step = await scene.proven()
    assert len(step.pods) == 1


async def test_viewers_of_a_deleted_log_streamer_go_on_at_their_cursor(scene: Waiting) -> None:
    await delete(scene, "log-streamer")
    await scene.goes_on()
    await scene.release.ready()
    await scene.goes_on()
    await scene.proven()


async def test_a_restarted_api_server_costs_no_line(scene: Waiting, own: Cluster) -> None:
    await own.restart("kube-apiserver")
    await scene.goes_on()
    await scene.proven()


async def test_a_restarted_kubelet_costs_no_line(scene: Waiting, own: Cluster) -> None:
    await own.restart("kubelet")
    await scene.goes_on()
    await scene.proven()


async def test_a_drained_node_brings_everything_back_once_it_takes_pods_again(
    scene: Waiting, own: Cluster
) -> None:
    """Readers of logs leave together with those who write them: the feed says where lines may be missing."""
    (node,) = await scene.release.site.admin.list(NODES)
    name = node["metadata"]["name"]
    await scene.release.site.run_kubectl("cordon", name)
    try:
        await drain(scene)
    finally:
        await scene.release.site.run_kubectl("uncordon", name)
    await scene.workflow.running("extract", attempt=1)
    await scene.workflow.running("count", attempt=1)
    await until(lambda: worker_is_out(scene.release))
    await scene.goes_on()
    await scene.proven(gaps=True)


async def drain(scene: Waiting) -> None:
    """As `kubectl drain` does it; that one would wait for pods that Argo's finalizer keeps."""
    release = scene.release
    for namespace in (release.namespace, release.argo):
        for pod in await release.site.admin.list(PODS, namespace):
            labels = pod["metadata"].get("labels", {})
            if labels.get("app.kubernetes.io/component") not in STORES:
                await evict(scene, pod["metadata"]["name"], namespace)
