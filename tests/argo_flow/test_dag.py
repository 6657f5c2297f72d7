"""The phase of a DAG, and which of its tasks run."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_flow.graph.dag import ancestors, dag_phase, executed, may_run, targets
from argo_flow.graph.depends import parse_depends
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.source import Source
from argo_flow.graph.templates import Call, ContinueOn, Dag

HERE = Source("wf.yaml", 1)
OK, FAILED, ERROR = NodePhase.SUCCEEDED, NodePhase.FAILED, NodePhase.ERROR
SKIPPED, OMITTED = NodePhase.SKIPPED, NodePhase.OMITTED


def task(name: str, depends: str = "", continue_on: ContinueOn | None = None) -> Call:
    condition = parse_depends(depends) if depends else None
    return Call(name, HERE, template="t", depends=condition, continue_on=continue_on)


DIAMOND = Dag((task("a"), task("b", "a"), task("c", "a"), task("d", "b && c")))


def test_the_targets_are_the_tasks_that_nothing_depends_on_or_those_named() -> None:
    assert targets(DIAMOND) == ("d",)
    assert targets(Dag(DIAMOND.tasks, targets=("b",))) == ("b",)


def test_only_the_targets_and_what_they_need_is_executed() -> None:
    assert [call.name for call in executed(Dag(DIAMOND.tasks, targets=("b",)))] == ["a", "b"]


def test_a_task_may_use_the_outputs_of_all_its_ancestors() -> None:
    assert ancestors(DIAMOND, "d") == {"a", "b", "c"}
    assert ancestors(DIAMOND, "a") == frozenset()


@pytest.mark.parametrize(
    ("phases", "expected"),
    [
        ((OK, OK, OK, OK), OK),
        ((OK, FAILED, OK, OMITTED), FAILED),
        ((OK, OK, ERROR, OMITTED), ERROR),
        ((FAILED, OMITTED, OMITTED, OMITTED), FAILED),
        ((OK, FAILED, OK, OK), OK),
        ((OK, OK, OK, FAILED), FAILED),
        ((OK, SKIPPED, SKIPPED, SKIPPED), OK),
        ((FAILED, SKIPPED, OK, SKIPPED), FAILED),
    ],
)
def test_a_target_that_did_not_run_has_the_worst_phase_above_it(
    phases: tuple[NodePhase, ...], expected: NodePhase
) -> None:
    assert dag_phase(DIAMOND, dict(zip("abcd", phases, strict=True))) is expected


def test_a_target_may_be_allowed_to_fail() -> None:
    tolerant = Dag((task("a", continue_on=ContinueOn(failed=True)),))
    assert dag_phase(tolerant, {"a": FAILED}) is OK
    assert dag_phase(tolerant, {"a": ERROR}) is ERROR


def test_without_fail_fast_the_last_failing_target_names_the_phase() -> None:
    tasks = (task("a"), task("b"))
    assert dag_phase(Dag(tasks), {"a": FAILED, "b": ERROR}) is FAILED
    assert dag_phase(Dag(tasks, fail_fast=False), {"a": FAILED, "b": ERROR}) is ERROR


def test_dependencies_are_the_old_way_to_say_depends() -> None:
    old = Call("b", HERE, template="t", dependencies=("a",))
    dag = Dag((task("a"), old))
    assert may_run(old, {"a": SKIPPED}, dag)
    assert not may_run(old, {"a": FAILED}, dag)


@st.composite
def finished_dags(draw: st.DrawFn) -> tuple[Dag, dict[str, NodePhase]]:
    """A DAG over up to eight tasks, run to its end with drawn results."""
    tasks: list[Call] = []
    for number in range(draw(st.integers(1, 8))):
        earlier = [call.name for call in tasks]
        needed = draw(st.lists(st.sampled_from(earlier), unique=True, max_size=3)) if earlier else []
        words = [name + draw(st.sampled_from(["", ".Failed", ".Errored", ".Skipped"])) for name in needed]
        tasks.append(task(f"t{number}", draw(st.sampled_from([" && ", " || "])).join(words)))
    dag, phases = Dag(tuple(tasks)), dict[str, NodePhase]()
    for call in tasks:
        ran = draw(st.sampled_from([OK, FAILED, ERROR, SKIPPED]))
        phases[call.name] = ran if may_run(call, phases, dag) else OMITTED
    return dag, phases


@given(finished_dags())
def test_a_dag_succeeds_exactly_when_no_target_ends_a_failed_branch(
    finished: tuple[Dag, dict[str, NodePhase]],
) -> None:
    dag, phases = finished
    by_name = {call.name: call for call in dag.tasks}

    def failed(name: str) -> bool:
        """The oracle: recursive, without memory."""
        if phases[name].completed:
            return phases[name].failed_or_error
        depends = by_name[name].depends
        parents = [] if depends is None else sorted(set(str(depends).replace("||", "&&").split(" && ")))
        return any(failed(parent.split(".")[0]) for parent in parents)

    assert dag_phase(dag, phases).failed_or_error is any(failed(name) for name in targets(dag))


def test_a_chain_longer_than_the_stack_is_no_problem() -> None:
    names = [f"t{number}" for number in range(3000)]
    tasks = [task(names[0]), *(task(name, before) for before, name in itertools.pairwise(names))]
    phases = dict.fromkeys(names, OMITTED) | {names[0]: FAILED}
    assert dag_phase(Dag(tuple(tasks)), phases) is FAILED
