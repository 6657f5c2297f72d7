"""A workflow that waits: a step for its run, whose worker writes lines, beside a step that writes too."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from temporalio.client import Client

from testbed.kubernetes.admin import CONFIG_MAPS, PODS, SERVICE_ACCOUNTS, WORKFLOW_TEMPLATES, Object
from tests.cluster.feed import Feed
from tests.cluster.release import DEPLOYMENTS, Release, rolled_out
from tests.cluster.site import patiently, until
from tests.cluster.step_pods import (
    COUNTING,
    PROGRAMS,
    NodeOfWorkflow,
    counting_container,
    counting_pod,
    counting_volume,
    pod_security,
    step_pod,
)
from tests.cluster.workflows import Ended, PlayedWorkflow

WORKER = "counting-worker"
MORE = 10
"""Lines that show that a log is still read."""


async def prepare(release: Release) -> None:
    """The programs of pods, the callers' accounts, and a worker: without any label of ours."""
    admin = release.site.admin
    data = {file.name: file.read_text() for file in PROGRAMS.values()}
    await admin.create(CONFIG_MAPS, {"metadata": {"name": COUNTING}, "data": data}, release.argo)
    for account in ("reader", "platform", "stranger"):
        await admin.create(SERVICE_ACCOUNTS, {"metadata": {"name": account}}, release.argo)
    await admin.create(DEPLOYMENTS, worker(release), release.argo)
    await until(lambda: worker_is_out(release))


def worker(release: Release) -> Object:
    address = f"{release.name}-temporal.{release.namespace}:7233"
    container = counting_container("worker", release.site.images.trial, "worker", TEMPORAL_ADDRESS=address)
    labels = {"app": WORKER}
    spec = {
        "automountServiceAccountToken": False,
        "containers": [container],
        "securityContext": pod_security(),
        "volumes": [counting_volume()],
    }
    return {
        "metadata": {"name": WORKER},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


async def worker_is_out(release: Release) -> bool:
    return rolled_out(await patiently(release.site.admin.get, DEPLOYMENTS, WORKER, release.argo))


async def worker_pods(release: Release) -> list[Object]:
    """Those that are not on their way out."""
    found = await patiently(release.site.admin.list, PODS, release.argo, {"labelSelector": f"app={WORKER}"})
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


@dataclass
class Waiting:
    """A workflow with its feed open, whose node `extract` waits for a run, and whose node `count` writes."""

    release: Release
    workflow: PlayedWorkflow
    feed: Feed
    step: asyncio.Task[Ended]
    count: asyncio.Task[Ended]

    async def goes_on(self) -> None:
        """More lines come, of a worker that is there now and of the step `count`."""
        (worker, *_) = await until(lambda: worker_pods(self.release))
        count = await self.workflow.newest("count")
        for pod in (worker["metadata"]["name"], count):
            await self.feed.brings(pod, self.feed.count(pod) + MORE)

    async def finish(self) -> Ended:
        """Ends the run, which ends its step, and then all the rest: how the step ended."""
        await enough(self.release, self.workflow.name)
        step = await self.step
        while not self.count.done():
            await self.workflow.end("count")
            await asyncio.wait([self.count], timeout=5)
        await self.workflow.complete()
        return step

    async def proven(self, *, gaps: bool = False) -> Ended:
        """Nothing was hurt: the step Succeeded, and the feed has every line once, and ends complete.

        With `gaps`, lines may be missing where the feed says so.
        """
        step = await self.finish()
        assert step.code == 0, step
        assert await self.feed.ends() == 0, self.feed.remarks()
        verdict = self.feed.verdict(written(step, await self.count))
        assert verdict.green, f"{verdict} {self.feed.remarks()}"
        assert gaps or not verdict.gapped, f"{verdict.gapped} lines in gaps: {self.feed.remarks()}"
        return step


def written(step: Ended, count: Ended) -> dict[str, int]:
    """How many lines each has written: workers by the run's result, the step `count` by its last words."""
    result = json.loads(step.said[f"{step.pods[-1]}/wait"])
    return {**result["written"], **{f"{pod}/main": int(count.said[f"{pod}/main"]) for pod in count.pods}}


async def enough(release: Release, trace: str) -> None:
    """Tells the trace's one run so."""
    run = await run_of(release, trace)
    client: Client = await until(lambda: _temporal(release))
    await client.get_workflow_handle(run).signal("enough")


async def _temporal(release: Release) -> Client | None:
    """None while nobody answers: a kubelet that has restarted takes all pods out of their Services at first
    (https://github.com/kubernetes/kubernetes/issues/100277)."""
    try:
        return await Client.connect(await release.temporal())
    except RuntimeError:
        return None


async def run_of(release: Release, trace: str) -> str:
    """The id of the trace's one run, once there is one."""
    (run,) = await until(lambda: runs(release, trace))
    return str(run["id"])


async def runs(release: Release, trace: str) -> list[Object]:
    """Views of the trace's runs, as Temporal lists them."""
    token, url = await release.token("reader", release.argo), await release.url("bridge")
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=60) as http:
        reply: httpx.Response = await patiently(http.get, f"/v1/runs?trace_id={trace}")
        found: list[Object] = reply.json()["runs"] if reply.is_success else []
        return found


async def template_of(release: Release, name: str) -> Object:
    """A WorkflowTemplate, as the chart has installed it."""
    found: Object = await release.site.admin.get(WORKFLOW_TEMPLATES, f"crossover-{name}", release.argo)
    return found


@asynccontextmanager
async def waiting(release: Release, folder: Path) -> AsyncGenerator[Waiting, None]:
    """Lines of both come already."""
    template, trial = await template_of(release, "step"), release.site.images.trial

    def extract(node: NodeOfWorkflow) -> Object:
        return step_pod(template, node, trial, app="count")

    workflow = await PlayedWorkflow(release.site.admin, release.argo).create()
    url, token = await release.url("log-streamer"), await release.token("reader", release.argo)
    try:
        step = workflow.begin("extract", extract)
        count = workflow.begin("count", lambda node: counting_pod(node, trial))
        async with Feed.opened(url, workflow.name, token, folder) as feed:
            scene = Waiting(release, workflow, feed, step, count)
            await scene.goes_on()
            yield scene
    finally:
        await workflow.close()
