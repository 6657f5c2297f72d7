"""A real Argo's workflows, with real pods: its controller and server run beside the cluster, of ARGO_BIN."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from image.machine import this_machine
from image.oci import Archive, Config, Layer
from image.tree import File, Tree
from testbed.argo import CONFIG, NoArgo, RealArgo, argo_bin
from testbed.kubernetes.admin import PODS, WORKFLOWS, Object, Resource
from testbed.kubernetes.node.network import OUTSIDE
from tests.argo.real.scene import OVER, call, dag, nodes, outputs
from tests.cluster.feed import Feed
from tests.cluster.release import Release, merged, namespaces, trial_values
from tests.cluster.scene import enough, prepare, runs
from tests.cluster.site import Site, until
from tests.cluster.step_pods import ACCOUNT

EXECUTOR = "testbed.local/argoexec:1"
SECRETS = Resource("api/v1", "secrets")

PODS_OF = {"step": 1, "agent": 0, "callback": 0}
"""How many pods a workflow of one such step has."""


@dataclass(frozen=True)
class WithArgo:
    release: Release
    argo: RealArgo

    async def submit(self, mode: str) -> str:
        """The name of a workflow whose node `extract` is a run of `count`."""
        body = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"generateName": f"{mode}-"},
            "spec": {
                "entrypoint": "main",
                "serviceAccountName": ACCOUNT,
                "templates": dag(extract=call(mode, "count")),
            },
        }
        made = await self.release.site.admin.create(WORKFLOWS, body, self.release.argo)
        return str(made["metadata"]["name"])

    async def over(self, name: str) -> Object:
        async def found() -> Object | None:
            workflow = await self.release.site.admin.get(WORKFLOWS, name, self.release.argo)
            return workflow if workflow.get("status", {}).get("phase") in OVER else None

        workflow: Object = await until(found)
        return workflow


def argoexec(programs: Path, folder: Path) -> Path:
    """An archive of the image that Argo puts beside steps."""
    tree = Tree({"bin/argoexec": File((programs / "argoexec").read_bytes(), 0o755), "tmp/.keep": File(b"")})
    config = Config(this_machine().architecture, ("/bin/argoexec",), {"PATH": "/bin"}, "8737:8737")
    archive = folder / "argoexec.oci.tar"
    Archive(EXECUTOR, config, [Layer.of(tree)]).write(archive)
    return archive


@pytest.fixture(scope="module")
async def with_argo(site: Site, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[WithArgo, None]:
    """A release of its own: its bridge completes nodes through the Argo Server."""
    try:
        programs = argo_bin()
    except NoArgo as error:
        pytest.skip(str(error))
    if site.own is None:
        pytest.skip("A real Argo beside the cluster is reached by the testbed's pods only.")
    folder = tmp_path_factory.mktemp("argo")
    await site.own.load(argoexec(programs, folder))
    async with AsyncExitStack() as stack:
        namespace = await stack.enter_async_context(namespaces(site))
        started = RealArgo.started(
            programs, site.kubeconfig, f"{namespace}-argo", folder, executor_image=EXECUTOR, config=CONFIG
        )
        argo = await stack.enter_async_context(started)
        release = Release(site, namespace, _values(site, namespace, argo))
        await release.install()
        await prepare(release)
        bearer = f"Bearer {await release.token(ACCOUNT, release.argo)}"
        secret = {"metadata": {"name": "crossover-token"}, "stringData": {"authorization": bearer}}
        await site.admin.create(SECRETS, secret, release.argo)
        yield WithArgo(release, argo)
        await release.uninstall()


def _values(site: Site, namespace: str, argo: RealArgo) -> Object:
    changes = {
        "argo": {
            "namespaces": [f"{namespace}-argo"],
            "access": "server",
            "serverUrl": f"http://{OUTSIDE}:{argo.port}",
        },
        "tenants": {"globex": None},
        "workflowTemplates": {"modes": [*PODS_OF]},
        "networkPolicy": {"enabled": False},
        "logStreamer": {"replicas": 1},
        "trial": {"worker": {"enabled": False}},
    }
    return merged(trial_values(site, namespace), changes)


@pytest.mark.parametrize("mode", [*PODS_OF])
async def test_a_workflow_gets_the_outputs_of_its_run_and_its_feed_ends(
    with_argo: WithArgo, mode: str, tmp_path: Path
) -> None:
    release = with_argo.release
    name = await with_argo.submit(mode)
    url, token = await release.url("log-streamer"), await release.token("reader", release.argo)
    async with Feed.opened(url, name, token, tmp_path) as feed:
        await until(lambda: _worker_lines(feed))
        await enough(release, name)
        workflow = await with_argo.over(name)
        assert workflow["status"]["phase"] == "Succeeded", workflow["status"]
        result = json.loads(outputs(nodes(workflow)["extract"])["result"])
        assert result["written"]
        assert await feed.ends() == 0
    verdict = feed.verdict(result["written"])
    assert verdict.green, verdict
    selector = {"labelSelector": f"workflows.argoproj.io/workflow={name}"}
    pods = await release.site.admin.list(PODS, release.argo, selector)
    assert len(pods) == PODS_OF[mode]
    assert feed.pods("argo") == {pod["metadata"]["name"] for pod in pods}


@pytest.mark.parametrize("mode", [*PODS_OF])
async def test_a_stopped_workflow_cancels_its_run(with_argo: WithArgo, mode: str, tmp_path: Path) -> None:
    release = with_argo.release
    name = await with_argo.submit(mode)
    url, token = await release.url("log-streamer"), await release.token("reader", release.argo)
    async with Feed.opened(url, name, token, tmp_path) as feed:
        await until(lambda: _worker_lines(feed))
        await with_argo.argo.call("stop", name)
        assert (await with_argo.over(name))["status"]["phase"] == "Failed"
        assert await feed.ends() == 1
    assert await until(lambda: _cancelled(release, name))


async def _worker_lines(feed: Feed) -> bool:
    return bool(feed.numbered())


async def _cancelled(release: Release, trace: str) -> bool:
    (run,) = await runs(release, trace)
    return bool(run["temporal"]["status"] == "CANCELED")
