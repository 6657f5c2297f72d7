"""Short workflows for tests, and a runner for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent, indent

from argo_flow.graph.bundle import Bundle
from argo_flow.graph.source import errors
from argo_flow.local import Event, LocalRunner, WorkflowResult
from argo_flow.local.settings import inherited
from argo_flow.parse import parse_texts

ROWS = "outputs: {parameters: [{name: rows, valueFrom: {path: /tmp/outputs/rows}}]}"
"""A template's output parameter, for `shell`'s `rest`."""

INPUT = "inputs: {parameters: [{name: text}]}\n"


def workflow(templates: str, *, spec: str = "", name: str = "wf") -> str:
    """The YAML of a Workflow whose entrypoint is the template `main`."""
    head = f"apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {{name: {name}}}\nspec:\n"
    extra = indent(dedent(spec).strip(), "  ")
    listed = indent(dedent(templates).strip(), "  ")
    return f"{head}  entrypoint: main\n{extra}\n  templates:\n{listed}\n"


def bundle(*texts: str) -> Bundle:
    """The texts as one bundle, which must have no errors."""
    parsed = parse_texts({f"{number}.yaml": text for number, text in enumerate(texts)})
    assert errors(parsed.diagnostics) == ()
    return parsed


def codes(*texts: str) -> list[str]:
    """The codes of what parsing has to say about the texts."""
    parsed = parse_texts({f"{number}.yaml": text for number, text in enumerate(texts)})
    return [finding.code for finding in parsed.diagnostics]


def shell(name: str, script: str, *, rest: str = "") -> str:
    """A template that runs a shell script; `rest` are further keys of the template."""
    body = f"- name: {name}\n  container:\n    image: any\n    command: [sh, -c]\n    args:\n    - |\n"
    return body + indent(dedent(script).strip(), "      ") + "\n" + indent(dedent(rest).strip(), "  ") + "\n"


def call(name: str, template: str, **keys: str) -> str:
    return (
        "{"
        + ", ".join([f"name: {name}", f"template: {template}", *(f"{k}: {v}" for k, v in keys.items())])
        + "}"
    )


def arguments(**values: str) -> str:
    """The arguments of a call site, as flow YAML."""
    listed = ", ".join(f"{{name: {name}, value: '{value}'}}" for name, value in values.items())
    return f"{{parameters: [{listed}]}}"


def dag(*tasks: str, rest: str = "") -> str:
    """The template `main` with these tasks."""
    return f"- name: main\n  dag:\n    tasks: [{', '.join(tasks)}]\n    {rest}\n"


def steps(*groups: tuple[str, ...]) -> str:
    """The template `main` with these groups of steps."""
    return f"- name: main\n  steps: [{', '.join('[' + ', '.join(group) + ']' for group in groups)}]\n"


class Recorder:
    """Collects a run's events.

    Args:
        marks: by kind of event, the file that is made when one was seen, for steps to wait for.
    """

    def __init__(self, marks: Mapping[type[Event], Path] | None = None) -> None:
        self.events: list[Event] = []
        self._marks = marks or {}

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if (mark := self._marks.get(type(event))) is not None:
            mark.touch()


def until_there(file: Path) -> str:
    """Shell: waits for the file, at most 30 s."""
    return f"for _ in $(seq 600); do [ -e {file} ] && break; sleep 0.05; done"


async def run(
    directory: Path, text: str, *, on_event: Recorder | None = None, parameters: dict[str, str] | None = None
) -> WorkflowResult:
    runner = LocalRunner(directory, on_event or Recorder(), environment=inherited())
    return await runner.run(bundle(text), parameters=parameters)


def phases(result: WorkflowResult) -> dict[str, str]:
    """The phase of every node, by its name without the workflow's."""
    prefix = result.name
    return {
        node.name.removeprefix(prefix).removeprefix("."): node.phase.value
        for node in result.nodes.values()
        if node.name != prefix
    }


def message(result: WorkflowResult, name: str) -> str:
    return next(node.message for node in result.nodes.values() if node.name == f"{result.name}{name}")
