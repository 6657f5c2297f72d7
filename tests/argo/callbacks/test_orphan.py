"""Whether Argo has given up the node of an open run."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.argo.callbacks.orphan import orphaned
from bridge.argo.callbacks.tied import Tied, tied
from bridge.steps.engine import RunRef, Snapshot, Status
from bridge.steps.record import Callback, RunRecord
from crossover.contract.argo import node_id
from crossover.contract.names import MEMO_RUN
from crossover.contract.run import ArgoNode, Mode, OnCancel, Scope, run_id
from tests.argo.callbacks.moments import NOW
from tests.fake_workflows import Object, Workflows, suspend_node


def run(
    mode: Mode = Mode.PLUGIN, *, scope: Scope = Scope.NODE, name: str = "wf.step", retries: int = 0
) -> Tied:
    found = tied(snapshot(mode, scope=scope, name=name, retries=retries))
    assert found is not None
    return found


def snapshot(mode: Mode, *, scope: Scope = Scope.NODE, name: str = "wf.step", retries: int = 0) -> Snapshot:
    node = ArgoNode("argo", "wf", "u-1", name, retries)
    id = run_id("acme", node, scope)
    callback = Callback(None, "run", id) if mode is Mode.CALLBACK else None
    record = RunRecord("acme", "wf", argo=node, mode=mode, callback=callback)
    ref, memo = RunRef("default", id), {MEMO_RUN: record.to_memo()}
    return Snapshot(ref, "r-1", "r-1", "Echo", "work", Status.RUNNING, memo)


def workflow(*nodes: Object, **changes: Any) -> Object:
    found = Workflows().add("argo", "wf", "u-1", **changes)
    found["status"]["nodes"] = {node["id"]: node for node in nodes}
    return found


def node(name: str, phase: str, type: str = "Plugin") -> Object:
    return {"id": node_id("wf", name), "name": name, "type": type, "phase": phase}


def wait(of: Tied, phase: str, name: str = "wf.step[1].wait") -> Object:
    return suspend_node("wf", name, {"run": of.ref.id}, {}, phase)


@pytest.mark.parametrize("mode", [Mode.PLUGIN, Mode.CALLBACK])
@pytest.mark.parametrize("changes", [{"shutdown": "Stop"}, {"shutdown": "Terminate"}])
def test_a_workflow_that_was_stopped_has_given_up_all_of_them(mode: Mode, changes: dict[str, str]) -> None:
    assert orphaned(run(mode), workflow(**changes), NOW) is not None


@pytest.mark.parametrize("mode", [Mode.PLUGIN, Mode.CALLBACK])
def test_a_workflow_that_goes_on_without_the_node_may_still_come_to_it(mode: Mode) -> None:
    assert orphaned(run(mode), workflow(), NOW) is None


def test_a_deleted_workflow_has_given_up() -> None:
    assert orphaned(run(), None, NOW) is not None


def test_an_exit_handlers_run_outlives_the_stop() -> None:
    assert orphaned(run(name="wf.onExit"), workflow(shutdown="Stop"), NOW) is None


@pytest.mark.parametrize("phase", ["Failed", "Error", "Succeeded", "Omitted"])
def test_a_plugin_node_that_argo_has_ended_is_given_up(phase: str) -> None:
    reason = orphaned(run(), workflow(node("wf.step", phase)), NOW)
    assert reason == f"Argo has ended the node ({phase})"


def test_a_plugin_node_that_is_pending_is_not() -> None:
    assert orphaned(run(), workflow(node("wf.step", "Pending")), NOW) is None


def test_an_attempt_that_has_timed_out_leaves_the_run_to_the_next_one() -> None:
    nodes = node("wf.step", "Running", "Retry"), node("wf.step(0)", "Failed")
    assert orphaned(run(), workflow(*nodes), NOW) is None


def test_a_run_of_one_attempt_goes_with_it() -> None:
    nodes = node("wf.step", "Running", "Retry"), node("wf.step(0)", "Failed"), node("wf.step(1)", "Pending")
    assert orphaned(run(scope=Scope.ATTEMPT), workflow(*nodes), NOW) is not None
    assert orphaned(run(scope=Scope.ATTEMPT, retries=1), workflow(*nodes), NOW) is None


def test_a_node_with_the_same_id_and_another_name_is_not_it() -> None:
    other = {**node("wf.step", "Failed"), "name": "wf.collides"}
    assert orphaned(run(), workflow(other), NOW) is None


@pytest.mark.parametrize("phase", ["Failed", "Error", "Succeeded", "Skipped"])
def test_a_suspend_node_that_others_have_ended_waits_no_longer(phase: str) -> None:
    found = run(Mode.CALLBACK)
    reason = orphaned(found, workflow(wait(found, phase)), NOW)
    assert reason == f"Argo has ended the suspended node ({phase})"


def test_a_callback_waits_while_one_of_its_nodes_does() -> None:
    found = run(Mode.CALLBACK)
    nodes = wait(found, "Failed", "wf.a"), wait(found, "Running", "wf.b")
    assert orphaned(found, workflow(*nodes), NOW) is None


def test_a_callback_whose_step_is_tried_again_is_found_by_the_next_attempt() -> None:
    found = run(Mode.CALLBACK)
    ended = wait(found, "Failed", "wf.step(0)[1].wait")
    assert orphaned(found, workflow(node("wf.step", "Running", "Retry"), ended), NOW) is None
    assert orphaned(found, workflow(node("wf.step", "Failed", "Retry"), ended), NOW) is not None


def test_the_step_that_has_only_started_the_run_says_nothing_about_it() -> None:
    assert orphaned(run(Mode.CALLBACK), workflow(node("wf.step", "Succeeded", "HTTP")), NOW) is None


def test_nodes_that_are_kept_elsewhere_say_nothing() -> None:
    found = workflow()
    found["status"] = {"phase": "Running", "offloadNodeStatusVersion": "fnv:1"}
    assert orphaned(run(), found, NOW) is None


@pytest.mark.parametrize("mode", [Mode.STEP, Mode.AGENT])
def test_runs_of_other_modes_are_not_ours(mode: Mode) -> None:
    assert tied(snapshot(mode)) is None


def test_a_run_that_is_abandoned_says_so() -> None:
    found = snapshot(Mode.PLUGIN)
    found.memo[MEMO_RUN]["on_cancel"] = OnCancel.ABANDON.value
    abandoned = tied(found)
    assert abandoned is not None
    assert abandoned.abandons
