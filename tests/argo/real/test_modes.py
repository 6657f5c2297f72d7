"""What a real Argo makes of our shipped templates, in every mode without a step pod."""

from __future__ import annotations

import asyncio
import json

import pytest

from testbed.kubernetes.admin import CONFIG_MAPS, WORKFLOWS
from tests.argo.real.scene import MODES, Scene, call, dag, nodes, outputs

pytestmark = [pytest.mark.timeout(300), pytest.mark.parametrize("mode", MODES)]


async def test_a_step_brings_its_runs_outputs_to_the_next(scene: Scene, mode: str) -> None:
    step = call(mode, input='{"say": "a \\"quoted\\" word"}', input_params="more=x=y\nempty=")
    name = await scene.submit(mode, dag(extract=step))
    workflow = await scene.over(name)
    assert workflow["status"]["phase"] == "Succeeded", workflow["status"]
    given = outputs(nodes(workflow)["extract"])
    result = json.loads(given["result"])
    assert result["given"]["say"] == 'a "quoted" word'
    assert result["given"]["more"] == "x=y"
    view = json.loads(given["view"])
    assert (view["phase"], view["mode"], view["argo"]["workflow"]) == ("Succeeded", mode, name)


async def test_a_failed_run_fails_its_step_and_says_why(scene: Scene, mode: str) -> None:
    name = await scene.submit(
        mode, dag(extract=call(mode, input='{"fail": "no such table"}', run_retries="0"))
    )
    workflow = await scene.over(name)
    assert workflow["status"]["phase"] == "Failed"
    assert any("no such table" in node.get("message", "") for node in nodes(workflow).values())
    await scene.run_of(name)


async def test_a_failed_run_is_tried_again_as_the_author_asks(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(extract=call(mode, input='{"fail": "again"}', run_retries="1")))
    await scene.over(name)
    assert len(await scene.runs(name, at_least=2)) == 2


async def test_a_request_that_is_wrong_fails_at_once_and_is_not_repeated(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(extract=call(mode, app="no-such-app")))
    workflow = await scene.over(name)
    assert workflow["status"]["phase"] in ("Failed", "Error")
    attempts = [node for node in nodes(workflow) if node.endswith(")")]
    assert len(attempts) <= 2, attempts


@pytest.mark.parametrize("verb", ["stop", "terminate"])
async def test_a_stopped_workflow_cancels_its_run(scene: Scene, mode: str, verb: str) -> None:
    name = await scene.submit(mode, dag(extract=call(mode, app="talker")))
    run = await scene.run_of(name)
    await scene.argo.call(verb, name)
    assert (await scene.over(name))["status"]["phase"] == "Failed"
    view = await scene.run_ends(run["id"])
    assert view["temporal"]["status"] == "CANCELED"


async def test_a_workflow_past_its_deadline_cancels_its_run(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(extract=call(mode, app="talker")), activeDeadlineSeconds=4)
    run = await scene.run_of(name)
    assert (await scene.over(name))["status"]["phase"] == "Failed"
    view = await scene.run_ends(run["id"])
    assert view["temporal"]["status"] == "CANCELED"


async def test_a_deleted_workflow_cancels_its_run(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(extract=call(mode, app="talker")))
    run = await scene.run_of(name)
    await scene.admin.delete(WORKFLOWS, name, scene.namespace)
    await scene.stop_agent_pod(name)
    view = await scene.run_ends(run["id"])
    assert view["temporal"]["status"] == "CANCELED"


async def test_a_step_past_its_timeout_fails_and_its_run_is_over(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(extract=call(mode, app="talker", timeout="3s", run_retries="0")))
    assert (await scene.over(name))["status"]["phase"] in ("Failed", "Error")
    run = await scene.run_of(name)
    view = await scene.run_ends(run["id"])
    assert view["temporal"]["status"] in ("TIMED_OUT", "CANCELED")


async def test_argo_retry_starts_failed_work_anew_and_keeps_what_succeeded(scene: Scene, mode: str) -> None:
    tasks = dag(
        good=call(mode, input='{"name": "good"}'),
        bad=call(mode, input='{"fail": "planned"}', run_retries="0"),
    )
    name = await scene.submit(mode, tasks)
    uid = (await scene.over(name))["metadata"]["uid"]
    before = await scene.runs(name, at_least=2)
    more = {"restartSuccessful": True, "nodeFieldSelector": "displayName=bad"} if mode == "callback" else {}
    await scene.argo.call("retry", name, **more)
    if mode == "plugin":
        await scene.start_agent_pod(name, uid)
    after = await scene.runs(name, at_least=3)
    await scene.over(name)
    assert len(before) == 2
    assert len(after) == 3
    assert len({run["id"] for run in after}) == 2


async def test_a_resubmitted_workflow_has_runs_of_its_own(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(extract=call(mode)))
    done = await scene.over(name)
    again = await scene.submit(mode, done["spec"]["templates"])
    await scene.over(again)
    assert (await scene.run_of(name))["id"] != (await scene.run_of(again))["id"]


async def test_a_memoized_step_starts_no_run(scene: Scene, mode: str) -> None:
    """Argo memoizes the template around ours: a hit never comes to us."""
    cache = {"configMap": {"name": f"cache-{mode}"}}
    memoized = {"key": f"same-{mode}", "cache": cache, "maxAge": "1h"}
    inner = {"name": "inner", **dag(extract=call(mode))[0], "memoize": memoized}
    inner["name"] = "inner"
    inner["outputs"] = {
        "parameters": [
            {"name": "result", "valueFrom": {"parameter": "{{tasks.extract.outputs.parameters.result}}"}}
        ]
    }
    templates = [{"name": "main", "dag": {"tasks": [{"name": "once", "template": "inner"}]}}, inner]
    first = await scene.submit(mode, templates)
    assert (await scene.over(first))["status"]["phase"] == "Succeeded"
    await scene.admin.get(CONFIG_MAPS, f"cache-{mode}", scene.namespace)
    second = await scene.submit(mode, templates)
    workflow = await scene.over(second)
    assert nodes(workflow)["once"]["memoizationStatus"]["hit"] is True
    assert (await scene.bridge.http.get("/v1/runs", params={"trace_id": second})).json()["runs"] == []


async def test_fail_fast_lets_the_runs_that_began_go_on(scene: Scene, mode: str) -> None:
    tasks = dag(
        slow=call(mode, input='{"sleep": 4}'),
        bad=call(mode, input='{"fail": "planned"}', run_retries="0"),
        later={**call(mode), "depends": "slow && bad"},
    )
    name = await scene.submit(mode, tasks)
    workflow = await scene.over(name)
    assert workflow["status"]["phase"] == "Failed"
    assert nodes(workflow)["slow"]["phase"] == "Succeeded"
    assert len(await scene.runs(name, at_least=2)) == 2


async def test_a_controller_that_was_lost_finds_everything_as_it_should_be(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(extract=call(mode, input='{"sleep": 3}')))
    await scene.runs(name)
    await scene.argo.restart_controller()
    assert (await scene.over(name))["status"]["phase"] == "Succeeded"
    await scene.run_of(name)


async def test_a_bridge_that_was_killed_meanwhile_changes_nothing(scene: Scene, mode: str) -> None:
    name = await scene.submit(mode, dag(extract=call(mode, input='{"sleep": 3}')))
    await scene.runs(name)
    await scene.bridge.kill()
    await asyncio.sleep(4)  # the run ends while nobody looks
    await scene.bridge.start()
    assert (await scene.over(name))["status"]["phase"] == "Succeeded"
    await scene.run_of(name)
