"""A templateRef that is a parameter, and inputs whose defaults name the node."""

from __future__ import annotations

from pathlib import Path

import pytest

from argo_flow.check import check_bundle
from argo_flow.local import LocalRunner, Refused
from argo_flow.local.settings import inherited
from tests.argo_flow.workflows import arguments, bundle, phases, run, shell, workflow

DYNAMIC = """
- name: main
  steps:
  - - name: call
      template: choose
      arguments: {parameters: [{name: home, value: "HOME"}]}
- name: choose
  inputs: {parameters: [{name: home}]}
  outputs: {parameters: [{name: rows, valueFrom: {expression: steps.work.outputs.parameters.rows}}]}
  steps:
  - - {name: work, templateRef: {name: "{{inputs.parameters.home}}", template: run}, arguments: ARGS}
""".replace("ARGS", arguments(unknown="dropped"))


def template(name: str, rows: int, kind: str = "WorkflowTemplate") -> str:
    rest = "outputs: {parameters: [{name: rows, valueFrom: {path: /tmp/out/rows}}]}"
    body = shell("run", f"mkdir -p /tmp/out; echo {rows} > /tmp/out/rows", rest=rest)
    return workflow(body, name=name).replace("kind: Workflow\n", f"kind: {kind}\n").replace("main", "run")


async def run_with(directory: Path, home: str, *templates: str) -> tuple[str, dict[str, str]]:
    runner = LocalRunner(directory, environment=inherited())
    result = await runner.run(bundle(workflow(DYNAMIC.replace("HOME", home)), *templates), "wf")
    rows = [
        node.outputs.parameters.get("rows") for node in result.nodes.values() if node.display_name == "call"
    ]
    return str(rows[0]), phases(result)


@pytest.mark.parametrize(("home", "rows"), [("one", "1"), ("two", "2")])
async def test_the_template_that_is_named_while_the_workflow_runs_is_run(
    tmp_path: Path, home: str, rows: str
) -> None:
    found, reached = await run_with(tmp_path, home, template("one", 1), template("two", 2))
    assert found == rows
    assert reached["[0].call[0].work"] == "Succeeded"


async def test_a_name_that_nothing_has_is_an_error_of_the_call(tmp_path: Path) -> None:
    _, reached = await run_with(tmp_path, "three", template("one", 1))
    assert reached["[0].call[0].work"] == "Error"
    assert reached["[0].call"] == "Failed"


async def test_whatever_might_be_named_must_be_something_that_runs_here(tmp_path: Path) -> None:
    other = workflow("- {name: run, http: {url: x}}", name="two").replace(
        "kind: Workflow\n", "kind: WorkflowTemplate\n"
    )
    with pytest.raises(Refused, match="http templates"):
        await run_with(tmp_path, "one", template("one", 1), other.replace("main", "run"))


def test_what_argo_cannot_know_of_a_dynamic_call_is_reported() -> None:
    text = DYNAMIC.replace(
        "expression: steps.work.outputs.parameters.rows", "parameter: '{{steps.work.status}}'"
    )
    (finding,) = check_bundle(bundle(workflow(text)))
    assert (finding.code, "steps.work.status" in finding.message) == ("unknown-variable", True)
    assert check_bundle(bundle(workflow(DYNAMIC))) == ()


WHO = """
- name: main
  dag:
    tasks:
    - {name: own, template: who}
    - {name: given, template: who, arguments: {parameters: [{name: node, value: "{{node.name}}"}]}}
- name: who
  retryStrategy: {limit: 1}
  inputs: {parameters: [{name: node, default: "{{node.name}} of {{workflow.name}}"}]}
  container: {image: any, command: [echo, "{{inputs.parameters.node}}"]}
"""


async def test_node_name_is_the_callees_in_a_default_and_the_callers_in_an_argument(tmp_path: Path) -> None:
    result = await run(tmp_path, workflow(WHO))
    said = {node.display_name: node.outputs.result for node in result.nodes.values()}
    assert (said["own"], said["given"]) == ("wf.own of wf", "wf")
