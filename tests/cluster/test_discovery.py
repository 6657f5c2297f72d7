"""Workers are found by what Temporal calls them: nothing in their pods names Crossover."""

from __future__ import annotations

from pathlib import Path

from testbed.kubernetes.admin import CONFIG_MAPS
from tests.cluster.release import DEPLOYMENTS, Release
from tests.cluster.scene import WORKER, waiting, worker_is_out, worker_pods
from tests.cluster.site import until


async def test_the_lines_of_a_new_build_of_a_worker_come_into_a_feed_that_is_open(
    release: Release, tmp_path: Path
) -> None:
    tenants = await release.site.admin.get(CONFIG_MAPS, "crossover-tenants", release.namespace)
    assert "worker_selector" not in tenants["data"]["tenants.yaml"]
    async with waiting(release, tmp_path) as scene:
        (before,) = await worker_pods(release)
        template = {"metadata": {"annotations": {"build": scene.workflow.name}}}
        await release.site.admin.patch(DEPLOYMENTS, WORKER, {"spec": {"template": template}}, release.argo)
        await until(lambda: worker_is_out(release))
        (after,) = await worker_pods(release)
        await scene.goes_on()
        await scene.proven()
    names = {pod["metadata"]["name"] for pod in (before, after)}
    assert scene.feed.pods("worker") == names
    assert len(names) == 2
