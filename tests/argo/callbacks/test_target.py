"""Which suspend node waits for a run, read off the Workflow."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.argo.callbacks.target import Active, Done, Over, Waiting, find
from bridge.steps.record import Callback
from crossover.contract.argo import node_id
from crossover.contract.run import ArgoNode
from tests.argo.callbacks.moments import NOW
from tests.fake_workflows import Object, Workflows, suspend_node

RUN = "crossover/acme/argo/u-1/run-1"
NODE = ArgoNode("argo", "wf", "u-1", "wf.step")
BY_INPUT = Callback(None, "run", RUN)


def workflow(*nodes: Object, **changes: Any) -> Object:
    found = Workflows().add("argo", "wf", "u-1", **changes)
    found["status"]["nodes"] = {node["id"]: node for node in nodes}
    return found


def wait(
    name: str = "wf.step[1].wait", value: str = RUN, phase: str = "Running", **outputs: str | None
) -> Object:
    return suspend_node("wf", name, {"run": value}, outputs, phase)


def test_a_node_that_is_not_there_yet_is_waited_for() -> None:
    assert find(workflow(), NODE, BY_INPUT, NOW) == Waiting()


def test_a_node_that_argo_has_only_prepared_is_waited_for() -> None:
    assert find(workflow(wait(phase="Pending")), NODE, BY_INPUT, NOW) == Waiting()


def test_an_active_node_tells_what_it_is_to_be_supplied_with() -> None:
    node = wait(rows=None, mode="full")
    node["outputs"]["parameters"] += [
        {"name": "set", "value": "1"},
        {"name": "computed", "valueFrom": {"default": "x"}},
    ]
    target = find(workflow(node), NODE, BY_INPUT, NOW)
    assert target == Active(node["id"], {"rows": None, "mode": "full"})


def test_other_nodes_with_other_values_are_not_meant() -> None:
    assert find(workflow(wait(value="another")), NODE, BY_INPUT, NOW) == Waiting()


def test_a_node_of_another_type_is_not_meant() -> None:
    assert find(workflow({**wait(), "type": "Pod"}), NODE, BY_INPUT, NOW) == Waiting()


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Error", "Skipped", "Omitted"])
def test_a_node_that_is_over_is_done(phase: str) -> None:
    assert find(workflow(wait(phase=phase)), NODE, BY_INPUT, NOW) == Done(phase)


def test_of_two_nodes_that_wait_the_one_that_is_active_is_next() -> None:
    first, second = wait("wf.a", phase="Succeeded"), wait("wf.b")
    assert find(workflow(first, second), NODE, BY_INPUT, NOW) == Active(second["id"], {})


def test_a_node_is_found_by_its_id_alone() -> None:
    node = wait(value="whatever")
    assert find(workflow(node), NODE, Callback(node["id"]), NOW) == Active(node["id"], {})
    assert find(workflow(node), NODE, Callback("wf-1"), NOW) == Waiting()


def test_an_earlier_attempts_node_is_not_meant() -> None:
    """Attempts share the run id, and the second one's run is another."""
    second = ArgoNode("argo", "wf", "u-1", "wf.step", retries=1)
    earlier = wait("wf.step(0)[1].wait", phase="Failed")
    assert find(workflow(earlier), second, BY_INPUT, NOW) == Waiting()
    later = wait("wf.step(1)[1].wait")
    assert find(workflow(earlier, later), second, BY_INPUT, NOW) == Active(later["id"], {})


def test_a_later_attempts_node_is_meant() -> None:
    """It has found the run of the attempt before it, which was lost on the way."""
    later = wait("wf.step(1)[1].wait")
    assert find(workflow(later), NODE, BY_INPUT, NOW) == Active(later["id"], {})


@pytest.mark.parametrize("shutdown", ["Stop", "Terminate"])
def test_a_workflow_that_shuts_down_waits_for_nothing(shutdown: str) -> None:
    target = find(workflow(wait(), shutdown=shutdown), NODE, BY_INPUT, NOW)
    assert isinstance(target, Over)
    assert shutdown in target.reason


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Error"])
def test_a_workflow_that_is_over_waits_for_nothing(phase: str) -> None:
    found = workflow()
    found["status"]["phase"] = phase
    assert isinstance(find(found, NODE, BY_INPUT, NOW), Over)


def test_a_workflow_beyond_its_deadline_waits_for_nothing() -> None:
    found = workflow(wait(), activeDeadlineSeconds=60)
    found["status"]["startedAt"] = (NOW - timedelta(seconds=61)).isoformat()
    assert isinstance(find(found, NODE, BY_INPUT, NOW), Over)


def test_an_exit_handler_outlives_a_stop_and_the_deadline() -> None:
    node = ArgoNode("argo", "wf", "u-1", "wf.onExit[0].notify")
    found = workflow(wait("wf.onExit[0].wait"), shutdown="Stop", activeDeadlineSeconds=1)
    assert isinstance(find(found, node, BY_INPUT, NOW), Active)
    found["spec"]["shutdown"] = "Terminate"
    assert isinstance(find(found, node, BY_INPUT, NOW), Over)


def test_a_deleted_workflow_waits_for_nothing() -> None:
    assert isinstance(find(None, NODE, BY_INPUT, NOW), Over)


def test_another_workflow_of_the_same_name_is_another() -> None:
    node = wait()
    other = workflow(node)
    other["metadata"]["uid"] = "u-2"
    for callback in (BY_INPUT, Callback(node["id"])):
        assert isinstance(find(other, NODE, callback, NOW), Over)
    node["phase"] = "Succeeded"
    assert isinstance(find(other, NODE, Callback(node["id"]), NOW), Over)


def test_nodes_that_argo_has_compressed_are_read() -> None:
    node = wait()
    found = workflow()
    packed = base64.b64encode(gzip.compress(json.dumps({node["id"]: node}).encode())).decode()
    found["status"] |= {"compressedNodes": packed, "nodes": None}
    assert find(found, NODE, BY_INPUT, NOW) == Active(node["id"], {})


@pytest.mark.parametrize(
    "nodes",
    [
        None,
        [],
        {"x": None},
        {"x": {"type": "Suspend"}},
        {"x": {"type": "Suspend", "phase": 7, "inputs": {"parameters": [None, {"name": "run", "value": 3}]}}},
        {"x": {"type": "Suspend", "inputs": []}},
    ],
)
def test_odd_nodes_are_not_meant(nodes: Any) -> None:
    found = workflow()
    found["status"]["nodes"] = nodes
    assert find(found, NODE, BY_INPUT, NOW) == Waiting()


def test_a_recorded_workflow_has_its_suspend_node_by_the_id_that_its_name_gives() -> None:
    path = Path(__file__).parents[2] / "recordings" / "workflow-done.json"
    recorded = json.loads(path.read_text())
    metadata = recorded["metadata"]
    node = ArgoNode(metadata["namespace"], metadata["name"], metadata["uid"], "x")
    id = node_id(metadata["name"], f"{metadata['name']}.after")
    assert find(recorded, node, Callback(id), NOW) == Done("Succeeded")
