"""How the tasks of a DAG depend on each other, and what the DAG's phase is.

Source: argo-workflows workflow/controller/dag.go (assessDAGPhase, findLeafTaskNames) and
workflow/common/ancestry.go. `failFast` starts or stops nothing there: every task whose dependencies hold is
run, and the setting only decides which of several failures names the DAG's phase.
"""

from __future__ import annotations

from collections.abc import Mapping

from argo_flow.graph.depends import Depends, Outcome, TaskIs, holds, named_tasks
from argo_flow.graph.logic import And
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.templates import Call, Dag


def condition(call: Call) -> Depends | None:
    """The task's `depends`, or its `dependencies` as one; None when it waits for nothing."""
    if call.depends is not None:
        return call.depends
    if not call.dependencies:
        return None
    return And(tuple(TaskIs(task) for task in call.dependencies))


def dependencies(call: Call) -> tuple[str, ...]:
    """The tasks that must be over before this one is looked at."""
    depends = condition(call)
    return () if depends is None else named_tasks(depends)


def ancestors(dag: Dag, name: str) -> frozenset[str]:
    """Every task that `name` depends on, directly or not: those whose outputs it may use."""
    by_name = {task.name: task for task in dag.tasks}
    found: set[str] = set()
    pending = [name]
    while pending:
        task = by_name.get(pending.pop())
        new = set(dependencies(task)) - found if task else set()
        found |= new
        pending.extend(new)
    return frozenset(found)


def targets(dag: Dag) -> tuple[str, ...]:
    """The tasks that decide the DAG's phase: its `target`, else all that nothing depends on, by name."""
    if dag.targets:
        return dag.targets
    needed = {name for task in dag.tasks for name in dependencies(task)}
    return tuple(sorted(task.name for task in dag.tasks if task.name not in needed))


def executed(dag: Dag) -> tuple[Call, ...]:
    """The tasks that are run at all: the targets and what they depend on."""
    wanted = set(targets(dag))
    for name in targets(dag):
        wanted |= ancestors(dag, name)
    return tuple(task for task in dag.tasks if task.name in wanted)


def may_run(call: Call, phases: Mapping[str, NodePhase], dag: Dag) -> bool:
    """Whether the results of its dependencies, which are all over, let the task run. Otherwise: Omitted."""
    depends = condition(call)
    if depends is None:
        return True
    by_name = {task.name: task for task in dag.tasks}
    return holds(depends, {name: _outcome(by_name[name], phases[name]) for name in named_tasks(depends)})


def dag_phase(dag: Dag, phases: Mapping[str, NodePhase]) -> NodePhase:
    """The phase of a DAG all of whose executed tasks are over.

    A task that did not run passes on the worst phase of what it depends on; a failure is forgiven when what
    depends on it succeeds, and when it is a target that continues on it.
    """
    by_name = {task.name: task for task in dag.tasks}
    branches: dict[str, NodePhase] = {}
    result = NodePhase.SUCCEEDED
    for name in targets(dag):
        phase = _branch_phase(by_name, name, phases, branches)
        tolerated = by_name[name].continue_on
        if not phase.failed_or_error or (tolerated and tolerated.covers(phase)):
            continue
        result = phase
        if dag.fail_fast:
            break
    return result


def _branch_phase(
    tasks: Mapping[str, Call], name: str, phases: Mapping[str, NodePhase], known: dict[str, NodePhase]
) -> NodePhase:
    """Iterative, because a chain of tasks may be longer than Python's stack is deep."""
    pending = [name]
    while pending:
        current = pending[-1]
        parents = dependencies(tasks[current])
        if phases[current].completed:
            known[current] = phases[current]
        elif missing := [parent for parent in parents if parent not in known]:
            pending.extend(missing)
            continue
        else:
            bad = [known[parent] for parent in parents if known[parent].failed_or_error]
            known[current] = bad[0] if bad else NodePhase.SUCCEEDED
        pending.pop()
    return known[name]


def _outcome(task: Call, phase: NodePhase) -> Outcome:
    allowed = task.continue_on
    tolerated = (
        frozenset(bad for bad in (NodePhase.ERROR, NodePhase.FAILED) if allowed.covers(bad))
        if allowed
        else frozenset()
    )
    return Outcome(phase, tolerated)
