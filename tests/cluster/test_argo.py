"""A real Argo's workflows, with real pods: its controller and server run beside the cluster, of ARGO_BIN."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
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
from tests.cluster.release import Release, installed, merged, namespaces, trial_values
from tests.cluster.scene import enough, prepare, runs
from tests.cluster.site import Site, until
from tests.cluster.step_pods import ACCOUNT

EXECUTOR = "testbed.local/argoexec:1"
SECRETS = Resource("api/v1", "secrets")

RESTRICTED = {
    "executor": json.dumps(
        {
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "runAsNonRoot": True,
                "seccompProfile": {"type": "RuntimeDefault"},
            }
        }
    )
}
"""What Argo's own containers need where the pod security is `restricted`."""

PODS_OF = {"step": 1, "agent": 0, "callback": 0}
"""How many pods a workflow of one such step has, where that is certain: agent pods come and go."""

MODES = (*PODS_OF, "plugin")


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

    async def pods(self, name: str) -> list[Object]:
        selector = {"labelSelector": f"workflows.argoproj.io/workflow={name}"}
        return await self.release.site.admin.list(PODS, self.release.argo, selector)


def argoexec(programs: Path, folder: Path) -> Path:
    """An archive of the image that Argo puts beside steps."""
    tree = Tree({"bin/argoexec": File((programs / "argoexec").read_bytes(), 0o755), "tmp/.keep": File(b"")})
    config = Config(this_machine().architecture, ("/bin/argoexec",), {"PATH": "/bin"}, "8737:8737")
    archive = folder / "argoexec.oci.tar"
    Archive(EXECUTOR, config, [Layer.of(tree)]).write(archive)
    return archive


@pytest.fixture(scope="module")
async def scenes(
    site: Site, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Mapping[str, WithArgo], None]:
    """By mode. The plugin has a release and an Argo of its own: the agent would take its tasks."""
    try:
        programs = argo_bin()
    except NoArgo as error:
        pytest.skip(str(error))
    if site.own is None:
        pytest.skip("A real Argo beside the cluster is reached by the testbed's pods only.")
    folder = tmp_path_factory.mktemp("argo")
    await site.own.load(argoexec(programs, folder))
    async with AsyncExitStack() as stack:
        with_agent, with_plugin = await asyncio.gather(
            stack.enter_async_context(_with_agent(site, programs, tmp_path_factory.mktemp("agent"))),
            stack.enter_async_context(_with_plugin(site, programs, tmp_path_factory.mktemp("plugin"))),
        )
        yield {**dict.fromkeys(PODS_OF, with_agent), "plugin": with_plugin}


@asynccontextmanager
async def _with_agent(site: Site, programs: Path, folder: Path) -> AsyncGenerator[WithArgo, None]:
    """Its bridge completes nodes through the Argo Server."""
    config = {**CONFIG, **RESTRICTED}
    async with namespaces(site) as first, _argo(site, programs, first, folder, config) as argo:
        server = {"access": "server", "serverUrl": f"http://{OUTSIDE}:{argo.port}"}
        changes = {"argo": server, "workflowTemplates": {"modes": [*PODS_OF]}}
        release = _release(site, first, changes)
        async with installed(release):
            await prepare(release)
            bearer = f"Bearer {await release.token(ACCOUNT, release.argo)}"
            await _secret(release.argo, site, "crossover-token", authorization=bearer)
            yield WithArgo(release, argo)


@asynccontextmanager
async def _with_plugin(site: Site, programs: Path, folder: Path) -> AsyncGenerator[WithArgo, None]:
    """Argo makes agent pods, with our plugin beside its agent."""
    config = {"metricsConfig": "enabled: false\n", **RESTRICTED}
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(namespaces(site))
        argo = await stack.enter_async_context(_argo(site, programs, first, folder, config, plugins=True))
        token = secrets.token_urlsafe(32)
        digest = hashlib.sha256(token.encode()).hexdigest()
        entry = {"name": "plugin", "tenant": "acme", "role": "operator", "sha256": digest}
        await _secret(first, site, "crossover-tokens", **{"tokens.json": json.dumps([entry])})
        changes = {
            "agent": {"enabled": False},
            "plugin": {"enabled": True},
            "identity": {"auth": "kubernetes,tokens"},
            "workflowTemplates": {"modes": ["plugin"]},
        }
        release = _release(site, first, changes)
        await _secret(release.argo, site, "crossover-plugin", token=token)
        async with installed(release):
            await prepare(release)
            yield WithArgo(release, argo)


def _argo(
    site: Site, programs: Path, first: str, folder: Path, config: Mapping[str, str], *, plugins: bool = False
) -> AbstractAsyncContextManager[RealArgo]:
    return RealArgo.started(
        programs,
        site.kubeconfig,
        f"{first}-argo",
        folder,
        executor_image=EXECUTOR,
        plugins=plugins,
        config=config,
    )


def _release(site: Site, namespace: str, changes: Object) -> Release:
    small = {
        "argo": {"namespaces": [f"{namespace}-argo"]},
        "tenants": {"globex": None},
        "networkPolicy": {"enabled": False},
        "logStreamer": {"replicas": 1},
        "trial": {"worker": {"enabled": False}},
    }
    return Release(site, namespace, merged(merged(trial_values(site, namespace), small), changes))


async def _secret(namespace: str, site: Site, name: str, **data: str) -> None:
    await site.admin.create(SECRETS, {"metadata": {"name": name}, "stringData": data}, namespace)


@pytest.fixture
def with_argo(scenes: Mapping[str, WithArgo], mode: str) -> WithArgo:
    return scenes[mode]


@pytest.mark.parametrize("mode", MODES)
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
    if mode in PODS_OF:
        assert len(feed.pods("argo")) == PODS_OF[mode]
        assert len(await with_argo.pods(name)) == PODS_OF[mode]


@pytest.mark.parametrize("mode", MODES)
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
