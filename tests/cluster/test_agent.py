"""The zero-pod agent of the chart: a task of a workflow is a run, and no pod."""

from __future__ import annotations

import json

from testbed.kubernetes.admin import PODS, WORKFLOWS
from tests.argo.agent.controller import Controlled
from tests.cluster.release import Release
from tests.cluster.scene import enough
from tests.cluster.site import until


async def test_a_task_becomes_a_run_whose_result_is_its_nodes(release: Release) -> None:
    controlled = await Controlled(release.site.admin, release.argo).create()
    node = controlled.node("extract")
    ours = {"app": "count", "node": f"{controlled.name}.extract", "retries": "0"}
    declared = {"parameters": [{"name": "result", "valueFrom": {"supplied": {}}}]}
    task = {"name": "run", "metadata": {}, "outputs": declared, "plugin": {"crossover": ours}}
    await controlled.hand_over({node: task})
    await enough(release, controlled.name)
    ended = (await controlled.ended(node))[node]
    assert ended["phase"] == "Succeeded", ended
    outputs = {each["name"]: each["value"] for each in ended["outputs"]["parameters"]}
    assert json.loads(outputs["result"])["written"]
    selector = {"labelSelector": f"workflows.argoproj.io/workflow={controlled.name}"}
    assert await release.site.admin.list(PODS, release.argo, selector) == []
    await controlled.complete()
    await release.site.admin.delete(WORKFLOWS, controlled.name, release.argo)


async def test_a_lost_agent_leaves_its_work_to_the_next(release: Release) -> None:
    controlled = await Controlled(release.site.admin, release.argo).create()
    node = controlled.node("extract")
    ours = {"app": "count", "node": f"{controlled.name}.extract", "retries": "0"}
    await controlled.hand_over({node: {"name": "run", "metadata": {}, "plugin": {"crossover": ours}}})
    await enough(release, controlled.name)
    for pod in await release.pods("agent"):
        await release.site.admin.delete(PODS, pod["metadata"]["name"], release.namespace)
    assert (await controlled.ended(node))[node]["phase"] == "Succeeded"
    await until(lambda: _there(release))
    await controlled.complete()
    await release.site.admin.delete(WORKFLOWS, controlled.name, release.argo)


async def _there(release: Release) -> bool:
    await release.ready()
    return True
