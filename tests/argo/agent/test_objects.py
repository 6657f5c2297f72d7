"""Objects of any shape are read, and what follows from them is decided, without an error."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from random import Random
from typing import Any

from bridge.argo.agent.job import Job
from bridge.argo.agent.objects import GONE, read_task_set, read_workflow
from bridge.argo.task import is_ours, read_task
from crossover.errors import InvalidField
from tests.argo.agent.controller import template

PHASES = ("Pending", "Failed", "Succeeded", "Running", "")


class Odd:
    """Objects that are nearly right: each part may be of any type instead."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def anything(self, depth: int = 2) -> Any:
        scalars: list[Any] = [None, True, 7, 2.5, "", "x", "\ud800", [], {}]
        if depth and self._random.random() < 0.3:
            return [self.anything(depth - 1), {"a": self.anything(depth - 1)}]
        return self._random.choice(scalars)

    def maybe(self, right: Any) -> Any:
        return self.anything() if self._random.random() < 0.15 else right

    def task_set(self) -> dict[str, Any]:
        tasks = {node: self.maybe(self._template()) for node in self._nodes()}
        nodes = {node: self.maybe({"phase": self._phase()}) for node in self._nodes()}
        return self._object({"tasks": self.maybe(tasks)}, {"nodes": self.maybe(nodes)})

    def workflow(self) -> dict[str, Any]:
        nodes = {node: self.maybe(self._node()) for node in self._nodes()}
        status = {"nodes": self.maybe(nodes), "phase": self.maybe("Running")}
        return self._object({"shutdown": self.anything()}, {**status, "compressedNodes": self.anything()})

    def _object(self, spec: Any, status: Any) -> dict[str, Any]:
        owners = self.maybe([self.maybe({"uid": self.maybe("u")})])
        meta = {"namespace": "n", "name": "w", "uid": self.maybe("u"), "ownerReferences": owners}
        return {"metadata": self.maybe(meta), "spec": self.maybe(spec), "status": self.maybe(status)}

    def _template(self) -> dict[str, Any]:
        keys = (
            "input",
            "node",
            "retries",
            "outputs",
            "timeout",
            "scope",
            "colour",
            "decision",
            "input_params",
        )
        changes = {key: self.anything() for key in keys if self._random.random() < 0.1}
        content = {**template()["plugin"]["crossover"], **changes}
        whole = {"plugin": self.maybe({"crossover": self.maybe(content)})}
        return {**whole, "outputs": self.anything(), "timeout": self.maybe("1h")}

    def _node(self) -> dict[str, Any]:
        kind = self._random.choice(["Plugin", "HTTP", "Pod"])
        typed = {"type": self.maybe(kind), "name": self.maybe("x")}
        return {**typed, "phase": self._phase(), "startedAt": self.maybe("t")}

    def _phase(self) -> Any:
        return self.maybe(self._random.choice(PHASES))

    def _nodes(self) -> list[str]:
        return self._random.sample(["a", "b", "c", ""], 3)


def test_ten_thousand_odd_task_sets_stop_nobody() -> None:
    outcomes = [follow(Odd(seed)) for seed in range(10_000)]
    assert sum(begun for begun, _ in outcomes) > 1000
    assert sum(wrong for _, wrong in outcomes) > 100


def follow(odd: Odd) -> tuple[int, int]:
    """Through two changes and its end: how many works were begun, and how many of their tasks were wrong."""
    job, begun, wrong = Job(("n", "w"), read_workflow(odd.workflow())), 0, 0
    for _ in range(2):
        read = read_task_set(odd.task_set(), is_ours)
        job.take(read, live=True)
        job.end_unwanted()
        for work in job.due():
            assert work.node_id in read.tasks.keys() - read.done
            assert work.template is not None
            with contextlib.suppress(InvalidField):
                read_task(job.whose, work.template, node=work.node_id)
                wrong -= 1
            wrong += 1
            begun += 1
            job.begin(work)
    job.take(None, live=True)
    assert {each.ended for each in job.end_unwanted()} <= {"Argo took its task back"}
    assert job.idle
    return begun, wrong


def task_set_of(*nodes: str, done: tuple[str, ...] = ()) -> dict[str, Any]:
    owner = [{"kind": "Workflow", "uid": "u"}]
    return {
        "metadata": {"namespace": "n", "name": "w", "ownerReferences": owner},
        "spec": {"tasks": {node: template() for node in nodes}},
        "status": {"nodes": {node: {"phase": "Succeeded"} for node in done}},
    }


def workflow_of(status: dict[str, Any] | None = None, **nodes: str) -> dict[str, Any]:
    states = {
        node: {"type": "Plugin", "phase": "Pending", "startedAt": began} for node, began in nodes.items()
    }
    return {"metadata": {"uid": "u"}, "spec": {}, "status": {"nodes": states, **(status or {})}}


def job_of(workflow: dict[str, Any] | None, *nodes: str, live: bool = True) -> Job:
    job = Job(("n", "w"), None if workflow is None else read_workflow(workflow))
    job.take(read_task_set(task_set_of(*nodes), is_ours), live=live)
    return job


def test_a_task_is_due_once_its_node_is_shown_and_only_then() -> None:
    job = job_of(None, "a", "b")
    assert job.due() == []
    job.workflow = read_workflow(workflow_of(a="1"))
    assert [(each.node_id, each.began, each.repeated) for each in job.due()] == [("a", "1", False)]


def test_a_workflow_known_from_before_the_hand_over_is_not_trusted() -> None:
    """It may show the life of the node that `argo retry` has ended."""
    before, after = workflow_of(a="1"), workflow_of(a="2")
    before["metadata"]["resourceVersion"], after["metadata"]["resourceVersion"] = "10", "12"
    task_set = task_set_of("a")
    task_set["metadata"]["resourceVersion"] = "11"
    job = Job(("n", "w"), read_workflow(before))
    job.take(read_task_set(task_set, is_ours), live=True)
    assert (job.due(), job.unsure) == ([], True)
    job.workflow = read_workflow(after)
    assert ([each.began for each in job.due()], job.unsure) == (["2"], False)
    job.workflow = read_workflow(before, as_of=11)
    assert [each.began for each in job.due()] == ["1"]


def test_what_a_list_has_found_may_have_been_begun_before() -> None:
    job = job_of(workflow_of(a="1", b="1"), "a", live=False)
    job.take(read_task_set(task_set_of("a", "b"), is_ours), live=True)
    assert {each.node_id: each.repeated for each in job.due()} == {"a": True, "b": False}


def test_a_node_that_began_again_ends_its_work_without_its_run() -> None:
    job = job_of(workflow_of(a="1"), "a")
    job.begin(job.due()[0])
    assert job.end_unwanted() == []
    job.workflow = read_workflow(workflow_of(a="2"))
    assert [each.ended for each in job.end_unwanted()] == ["its node has begun anew"]


def test_another_workflow_of_the_same_name_is_not_the_task_sets() -> None:
    job = job_of(workflow_of(a="1"), "a")
    job.begin(job.due()[0])
    job.workflow = read_workflow({**workflow_of(a="1"), "metadata": {"uid": "another"}})
    assert "replaced" in str(job.end_unwanted()[0].ended)


def test_nodes_are_read_where_argo_has_compressed_them() -> None:
    plain = workflow_of(a="1")
    packed = base64.b64encode(gzip.compress(json.dumps(plain["status"]["nodes"]).encode())).decode()
    workflow = {**plain, "status": {"compressedNodes": packed}}
    assert read_workflow(workflow) == read_workflow(plain)


def test_where_nodes_are_kept_in_a_database_the_workflows_start_stands_for_theirs() -> None:
    offloaded = {"offloadNodeStatusVersion": "fnv:1", "startedAt": "5", "nodes": None}
    assert [each.began for each in job_of(workflow_of(offloaded), "a").due()] == ["5"]


def test_nothing_is_due_for_a_workflow_that_is_gone() -> None:
    job = job_of(None, "a")
    job.workflow = GONE
    assert job.due() == []
