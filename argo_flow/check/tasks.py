"""Whether a template's call sites can be put in order: names, dependencies, cycles.

Source: argo-workflows workflow/validate/validate.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from argo_flow.graph.dag import dependencies
from argo_flow.graph.source import Diagnostic, Severity, Source
from argo_flow.graph.templates import Dag, Template


def check_tasks(template: Template) -> Iterator[Diagnostic]:
    for name, count in Counter(call.name for call in template.calls).items():
        if count > 1:
            yield _error(
                "duplicate-name", template.source, f"{template.name} has {count} calls named {name!r}"
            )
    if isinstance(template.body, Dag):
        yield from _dependencies(template.body)
        yield from _cycle(template.body, template.source)
        yield from _mixed(template.body)


def _dependencies(dag: Dag) -> Iterator[Diagnostic]:
    names = {task.name for task in dag.tasks}
    for task in dag.tasks:
        for name in dependencies(task):
            if name not in names:
                yield _error(
                    "unknown-task", task.source, f"{task.name} depends on {name!r}, which is no task"
                )
    for name in dag.targets:
        if name not in names and "{{" not in name:
            source = dag.tasks[0].source if dag.tasks else Source("", 1)
            yield _error("unknown-task", source, f"the target {name!r} is no task")


def _cycle(dag: Dag, source: Source) -> Iterator[Diagnostic]:
    try:
        TopologicalSorter({task.name: dependencies(task) for task in dag.tasks}).prepare()
    except CycleError as error:
        yield _error("cycle", source, f"tasks wait for each other: {' → '.join(reversed(error.args[1]))}")


def _mixed(dag: Dag) -> Iterator[Diagnostic]:
    uses_depends = any(task.depends is not None for task in dag.tasks)
    uses_either = uses_depends or any(task.dependencies for task in dag.tasks)
    for task in dag.tasks:
        if uses_depends and task.dependencies:
            yield _error("depends-mixed", task.source, f"{task.name}: depends and dependencies in one DAG")
        if uses_depends and task.continue_on is not None:
            yield _error("depends-mixed", task.source, f"{task.name}: continueOn in a DAG that uses depends")
        if uses_either and task.name[:1].isdigit():
            yield _error(
                "task-name", task.source, f"{task.name} begins with a digit, which depends cannot name"
            )


def _error(code: str, source: Source, message: str) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, source, message)
