"""What is told of Workflow objects: each change that a person wants to see, and each once."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from crossover.contract.argo import nodes_of
from log_streamer.model import Kind, Node, State
from log_streamer.sources.source import Engine
from log_streamer.sources.workflow_states import WorkflowStates, display_name

RECORDED = Path("tests/recordings/argo/workflow-events.jsonl")

Object = dict[str, Any]


def recorded(workflow: str) -> list[Object]:
    """The versions of a workflow that a real Argo wrote, in their order."""
    events = (json.loads(line)["result"]["object"] for line in RECORDED.read_text().splitlines())
    return [event for event in events if event["metadata"]["name"] == workflow]


def told(states: WorkflowStates, *versions: Object) -> list[str]:
    """In short: `<name> <phase>` of states, and what is said of the engine."""
    news = [finding for version in versions for finding in states.take(version)]
    return [
        f"{one.name} {one.phase}"
        if isinstance(one, State)
        else f"over={one.over} {one.phase}"
        for one in news
    ]  # fmt: skip


def workflow(phase: str = "Running", nodes: Object | None = None, **more: Any) -> Object:
    status = {"phase": phase, "startedAt": "2026-11-21T02:00:00Z", "nodes": nodes or {}, **more}
    return {"metadata": {"name": more.pop("name", "wf"), "namespace": "argo"}, "status": status}


def node(type_: str, phase: str, name: str = "a", **more: Any) -> Object:
    return {
        "type": type_,
        "phase": phase,
        "displayName": name,
        "startedAt": "2026-11-21T02:00:01Z",
        **more,
    }


def test_a_recorded_workflow_is_told_phase_by_phase_and_nothing_twice() -> None:
    assert told(WorkflowStates("k"), *recorded("pods-8vmbw")) == [
        "over=False None",
        "pods-8vmbw Running",
        "a Pending",
        "a Running",
        "a Succeeded",
        "b Pending",
        "b Running",
        "b Succeeded",
        "pods-8vmbw Succeeded",
        "over=True Succeeded",
    ]


def test_a_recorded_workflow_seen_only_at_its_end_is_told_in_the_order_in_which_things_ended() -> None:
    states = WorkflowStates("k")
    assert told(states, recorded("plugin-z2gn7")[-1]) == [
        "extract(0) Succeeded",
        "after Succeeded",
        "plugin-z2gn7 Succeeded",
        "over=True Succeeded",
    ]


def test_the_same_object_again_is_no_news() -> None:
    states = WorkflowStates("k")
    last = recorded("pods-8vmbw")[-1]
    assert told(states, last)
    assert told(states, last, last) == []


def test_a_state_says_which_node_when_and_why() -> None:
    taken = WorkflowStates("k").take(
        workflow(nodes={"wf-1": node("Pod", "Failed", message="exit 3", finishedAt="2026-11-21T02:00:09Z")})
    )
    (found,) = (one for one in taken if isinstance(one, State) and one.kind is Kind.NODE)
    assert found == State(
        Kind.NODE, "wf-1", "a", "Failed", "2026-11-21T02:00:09Z", "exit 3", Node("wf-1", "a")
    )


@pytest.mark.parametrize("type_", ["Retry", "StepGroup", "TaskGroup"])
def test_nodes_that_repeat_others_are_not_told(type_: str) -> None:
    assert told(WorkflowStates("k"), workflow(nodes={"n": node(type_, "Running")})) == [
        "wf Running",
        "over=False None",
    ]


@pytest.mark.parametrize("type_", ["Pod", "Plugin", "HTTP", "Suspend", "Container", "DAG", "Steps"])
def test_nodes_that_people_look_for_are_told(type_: str) -> None:
    assert "a Running" in told(WorkflowStates("k"), workflow(nodes={"n": node(type_, "Running")}))


def test_the_node_that_is_the_whole_workflow_is_told_only_where_it_is_a_step_itself() -> None:
    flow = workflow(nodes={"wf": node("DAG", "Running", "wf")})
    step = workflow(nodes={"wf": node("Pod", "Pending", "wf")})
    assert told(WorkflowStates("k"), flow).count("wf Running") == 1
    assert "wf Pending" in told(WorkflowStates("k"), step)


def test_the_progress_of_a_running_node_is_news_and_that_of_an_ended_one_is_not() -> None:
    states = WorkflowStates("k")
    versions = [
        workflow(nodes={"n": node("Pod", phase, progress=progress)})
        for phase, progress in [("Running", "0/9"), ("Running", "3/9"), ("Failed", "3/9"), ("Failed", "9/9")]
    ]
    assert told(states, *versions)[2:] == ["over=False None", "a Running", "a Failed"]


def test_a_workflow_that_is_retried_is_not_over_any_more() -> None:
    states = WorkflowStates("k")
    assert told(states, workflow("Failed"), workflow("Running"), workflow("Succeeded")) == [
        "wf Failed",
        "over=True Failed",
        "wf Running",
        "over=False None",
        "wf Succeeded",
        "over=True Succeeded",
    ]


def test_an_engine_is_through_when_all_workflows_are_in_the_worst_of_their_phases() -> None:
    states = WorkflowStates("k")
    states.take(workflow("Running"))
    other = workflow("Failed")
    other["metadata"]["name"] = "wf-child"
    assert told(states, other) == ["wf-child Failed"]
    assert told(states, workflow("Succeeded"))[-1] == "over=True Failed"


def test_an_engine_that_knows_no_workflow_is_through_and_has_no_phase() -> None:
    assert WorkflowStates("k").engine == Engine("k", over=True, phase=None)


def test_a_workflow_that_is_deleted_while_it_runs_is_over_and_nobody_knows_how() -> None:
    states = WorkflowStates("k")
    states.take(workflow("Running"))
    assert states.gone("argo", "wf") == [Engine("k", over=True, phase=None)]


def test_a_workflow_that_is_deleted_after_its_end_keeps_its_phase() -> None:
    states = WorkflowStates("k")
    states.take(workflow("Error"))
    assert states.gone("argo", "wf") == []
    assert states.engine == Engine("k", over=True, phase="Error")


def test_a_workflow_that_the_controller_has_not_seen_yet_is_not_over() -> None:
    assert WorkflowStates("k").take({"metadata": {"name": "wf", "namespace": "argo"}}) == [
        Engine("k", over=False)
    ]


def test_a_workflow_that_waits_for_its_turn_is_as_old_as_its_object() -> None:
    meta = {"name": "wf", "namespace": "argo", "creationTimestamp": "2026-11-21T01:00:00Z"}
    waits = {"metadata": meta, "status": {"phase": "Pending", "startedAt": None, "finishedAt": None}}
    state = WorkflowStates("k").take(waits)[0]
    assert isinstance(state, State)
    assert state.ts == "2026-11-21T01:00:00Z"


def test_nodes_that_argo_has_compressed_are_read() -> None:
    nodes = {"n": node("Pod", "Running")}
    packed = base64.b64encode(gzip.compress(json.dumps(nodes).encode())).decode()
    assert nodes_of({"status": {"compressedNodes": packed}}) == nodes


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "%%%",
        "QUJD",
        base64.b64encode(gzip.compress(b"[1]", mtime=0)).decode(),
        base64.b64encode(gzip.compress(b"[" * 200_000, mtime=0)).decode(),
    ],
)
def test_compressed_nodes_that_are_none_count_as_no_nodes(packed: str) -> None:
    assert nodes_of({"status": {"compressedNodes": packed}}) == {}


@pytest.mark.parametrize(
    ("full", "shown"),
    [
        ("wf", "wf"),
        ("wf.extract", "extract"),
        ("wf.extract(0)", "extract(0)"),
        ("wf[0].load(0:a.csv)", "load(0:a.csv)"),
        ("wf.outer(1:x.y).inner(0)", "inner(0)"),
        ("wf.onExit", "onExit"),
    ],
)
def test_a_nodes_display_name_is_the_end_of_its_full_name(full: str, shown: str) -> None:
    assert display_name(full) == shown
