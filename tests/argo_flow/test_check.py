"""References, arguments, dependencies and variables of a bundle."""

from __future__ import annotations

import pytest

from argo_flow.check import check_bundle
from argo_flow.graph.bundle import Kind
from argo_flow.graph.templates import Parameter
from argo_flow.parse import parse_texts
from tests.argo_flow.workflows import bundle, shell, workflow

SHARED = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: shared}
spec:
  entrypoint: main
  arguments: {parameters: [{name: who, value: world}, {name: how, value: loudly}]}
  templates:
  - name: main
    inputs: {parameters: [{name: text}]}
    outputs: {parameters: [{name: rows, valueFrom: {path: /tmp/rows}}]}
    container: {image: x, command: [echo, "{{inputs.parameters.text}} {{workflow.parameters.who}}"]}
"""

CHILD = shell("child", "echo", rest="outputs: {parameters: [{name: out, valueFrom: {path: /tmp/o}}]}")


def findings(*texts: str) -> list[str]:
    parsed = parse_texts({f"{number}.yaml": text for number, text in enumerate(texts)})
    return [finding.code for finding in check_bundle(parsed)]


def calling(call: str, *, group: bool = False) -> str:
    if group:
        return workflow(f"- name: main\n  steps: {call}\n{CHILD}")
    return workflow(f"- name: main\n  dag: {{tasks: {call}}}\n{CHILD}")


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ("[{name: a, template: child}]", []),
        ("[{name: a, template: nobody}]", ["unresolved"]),
        ("[{name: a, templateRef: {name: none, template: x}}]", ["unresolved"]),
        ("[{name: a, template: child}, {name: a, template: child}]", ["duplicate-name"]),
        ("[{name: a, template: child, depends: b}]", ["unknown-task"]),
        ("[{name: a, template: child, depends: b}, {name: b, template: child, depends: a}]", ["cycle"]),
        ("[{name: a, template: child, depends: a}]", ["cycle"]),
        ("[{name: a, template: child}, {name: b, template: child, depends: a, continueOn: {failed: true}}]",
         ["depends-mixed"]),
        ("[{name: a, template: child}, {name: b, template: child, depends: a, dependencies: [a]}]",
         ["depends-mixed"]),
        ("[{name: 1a, template: child}, {name: b, template: child, depends: 1a}]", ["task-name"]),
        ("[{name: a, template: child, arguments: {parameters: [{name: z, value: v}]}}]",
         ["argument-unknown"]),
    ],
)  # fmt: skip
def test_tasks_must_exist_and_be_orderable(tasks: str, expected: list[str]) -> None:
    assert findings(calling(tasks)) == expected


@pytest.mark.parametrize(
    ("variable", "known"),
    [
        ("workflow.name", True),
        ("workflow.parameters.who", True),
        ("workflow.parameters.nobody", False),
        ("workflow.nonsense", False),
        ("workflow.labels.any", True),
        ("inputs.parameters.text", True),
        ("inputs.parameters.other", False),
        ("node.name", True),
        ("pod.name", True),
        ("retries", False),
        ("lastRetry.exitCode", False),
        ("item", False),
        ("steps.a.outputs.result", False),
        ("outputs.parameters.out.path", True),
        (".Names", True),
        ("=anything", True),
    ],
)
def test_a_variable_must_have_a_value_where_it_stands(variable: str, known: bool) -> None:
    text = workflow(
        shell("main", f"echo {{{{{variable}}}}}", rest="inputs: {parameters: [{name: text, default: d}]}"),
        spec="arguments: {parameters: [{name: who, value: w}]}",
    )
    assert findings(text) == ([] if known else ["unknown-variable"])


def test_retries_has_a_value_only_with_a_retry_strategy() -> None:
    assert findings(workflow(shell("main", "echo {{retries}}", rest="retryStrategy: {limit: 1}"))) == []


@pytest.mark.parametrize(
    ("when", "known"),
    [
        ("{{tasks.a.outputs.parameters.out}} == x", True),
        ("{{tasks.a.status}} == Succeeded", True),
        ("{{tasks.a.outputs.parameters.other}} == x", False),
        ("{{tasks.c.status}} == Succeeded", False),
        ("{{steps.a.status}} == Succeeded", True),
    ],
)
def test_a_task_may_use_only_what_it_depends_on(when: str, known: bool) -> None:
    uses = f"{{name: b, template: child, depends: a, when: '{when}'}}"
    tasks = f"[{{name: a, template: child}}, {uses}, {{name: c, template: child}}]"
    assert findings(calling(tasks)) == ([] if known else ["unknown-variable"])


def test_a_step_may_use_only_earlier_groups() -> None:
    before = "[[{name: a, template: child}], [{name: b, template: child, when: '{{steps.a.exitCode}} == 0'}]]"
    beside = "[[{name: a, template: child}, {name: b, template: child, when: '{{steps.a.exitCode}} == 0'}]]"
    assert findings(calling(before, group=True)) == []
    assert findings(calling(beside, group=True)) == ["unknown-variable"]


def test_items_exist_only_in_loops() -> None:
    task = "{name: a, template: child, when: '{{item}} == x'%s}"
    assert findings(calling(f"[{task % ', withItems: [x]'}]")) == []
    assert findings(calling(f"[{task % ''}]")) == ["unknown-variable"]


def test_arguments_must_fit_the_inputs_of_a_template_in_another_file() -> None:
    call = "{name: a, templateRef: {name: shared, template: main}%s}"
    given_text = ", arguments: {parameters: [{name: text, value: hello}]}"
    who = "arguments: {parameters: [{name: who, value: w}]}"
    good = workflow(f"- name: main\n  steps: [[{call % given_text}]]", spec=who)
    bad = workflow(f"- name: main\n  steps: [[{call % ''}]]", spec=who)
    assert findings(good, SHARED) == []
    assert findings(bad, SHARED) == ["argument-missing"]


def test_a_workflow_template_ref_brings_entrypoint_arguments_and_templates() -> None:
    text = """
    {apiVersion: argoproj.io/v1alpha1, kind: Workflow, metadata: {generateName: w-},
     spec: {workflowTemplateRef: {name: shared}, arguments: {parameters: [{name: who, value: me}]}}}
    """
    parsed = bundle(text, SHARED)
    assert check_bundle(parsed) == ()
    effective = parsed.effective(parsed.documents[0])
    assert effective.kind is Kind.WORKFLOW
    assert effective.entrypoint == "main"
    assert {p.name: p.value for p in effective.arguments} == {"who": "me", "how": "loudly"}
    assert all(isinstance(parameter, Parameter) for parameter in effective.arguments)
    assert findings(text) == ["unresolved"]


def test_a_workflow_needs_an_entrypoint_that_exists() -> None:
    text = workflow(shell("main", "true"))
    assert findings(text.replace("entrypoint: main", "entrypoint: other")) == ["unresolved"]
    assert findings(text.replace("  entrypoint: main\n", "")) == ["no-entrypoint"]


def test_recursion_does_not_keep_the_checks_busy() -> None:
    text = workflow("- name: main\n  steps: [[{name: again, template: main}]]")
    parsed = bundle(text)
    assert check_bundle(parsed) == ()
    document = parsed.documents[0]
    assert [t.name for _, t in parsed.reachable(document, document.template("main"))] == ["main"]
