"""The chart's life: installed, tested, and gone again."""

from __future__ import annotations

import json

from tests.cluster.release import Release, trial_release
from tests.cluster.site import Site

KINDS = "all,configmaps,secrets,serviceaccounts,roles,rolebindings,networkpolicies,leases,workflowtemplates"
CLUSTER_KINDS = (
    "clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings"
)
MADE_BY_KUBERNETES = {"configmap/kube-root-ca.crt", "serviceaccount/default"}


async def test_every_pod_of_an_installed_chart_is_ready_and_none_was_restarted(release: Release) -> None:
    """The sample's worker excepted, which ends when it finds no Temporal."""
    await release.ready()
    assert await release.pods("worker")
    for component in ("bridge", "log-streamer", "agent", "redis", "temporal"):
        pods = await release.pods(component)
        assert pods, component
        for status in (status for pod in pods for status in pod["status"]["containerStatuses"]):
            assert (status["ready"], status["restartCount"]) == (True, 0), status


async def test_helm_test_runs_a_real_step_to_its_end(release: Release) -> None:
    said = await release.test()
    assert "Phase:          Succeeded" in said
    assert "ExtractMetadata" in said, said


async def test_an_uninstalled_chart_leaves_nothing_behind(site: Site) -> None:
    """A second release, so that the first one shows that they do not meet."""
    async with trial_release(site) as second:
        notes = await second._helm("get", "notes", second.name)
        bridge = f"http://crossover-bridge.{second.namespace}:8787"
        assert bridge in notes
        assert f"helm test crossover -n {second.namespace} --logs" in notes
        await second.uninstall()
        for namespace in (second.namespace, second.argo, second.other):
            assert await _left(site, namespace) <= MADE_BY_KUBERNETES
        assert await _left(site, "", CLUSTER_KINDS, second.namespace) == set()
        await second.install()


async def _left(site: Site, namespace: str, kinds: str = KINDS, named: str = "") -> set[str]:
    """What is there that nobody is deleting."""
    where = ["-n", namespace] if namespace else []
    found = json.loads(await site.run_kubectl("get", kinds, *where, "-o", "json"))["items"]
    names = {
        f"{item['kind'].lower()}/{item['metadata']['name']}": item
        for item in found
        if "deletionTimestamp" not in item["metadata"]
    }
    return {name for name in names if named in name}
