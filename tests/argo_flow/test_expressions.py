"""Variables that expressions name."""

from __future__ import annotations

import pytest

from argo_flow.check import check_bundle
from argo_flow.check.expressions import variables_of
from argo_flow.parse import parse_texts
from tests.argo_flow.workflows import shell, workflow


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ("inputs.parameters.app", ["inputs.parameters.app"]),
        ("inputs.parameters['trace-id'] + inputs.parameters[\"a b\"]",
         ["inputs.parameters.trace-id", "inputs.parameters.a b"]),
        ("jsonpath(steps.start.outputs.result, '$.steps.id')", ["steps.start.outputs.result"]),
        ("'inputs.parameters.a' == `tasks.b` ? \"item\\\"\" : 'it\\'s item'", []),
        ("sprig.default(workflow.name, asInt(retries))", ["workflow.name", "retries"]),
        ("tasks?.a?.outputs.result ?? 'x'", ["tasks.a.outputs.result"]),
        ("map(fromJSON(item), #.item) | filter(# .steps)", ["item"]),
        ("itemize(inputsOf)", []),
    ],
)  # fmt: skip
def test_the_names_are_those_that_tags_would_have(expression: str, names: list[str]) -> None:
    assert list(variables_of(expression)) == names


def codes(expression: str) -> list[str]:
    text = shell(
        "main", f"echo '{{{{={expression}}}}}'", rest="inputs: {parameters: [{name: a, default: d}]}"
    )
    return [each.code for each in check_bundle(parse_texts({"wf.yaml": workflow(text)}))]


def test_a_variable_of_an_expression_must_have_a_value_too() -> None:
    assert codes("toJson(inputs.parameters['a'])") == []
    assert codes("toJson(inputs.parameters['b'])") == ["unknown-variable"]


@pytest.mark.parametrize(
    ("expression", "found"),
    [("steps.a.outputs.result", []), ("steps.b.outputs.result", ["unknown-variable"])],
)
def test_an_output_of_an_expression_names_calls_of_its_template(expression: str, found: list[str]) -> None:
    main = "- name: main\n  steps: [[{name: a, template: child}]]\n"
    outputs = f"  outputs: {{parameters: [{{name: o, valueFrom: {{expression: {expression}}}}}]}}\n"
    text = workflow(main + outputs + shell("child", "true"))
    assert [each.code for each in check_bundle(parse_texts({"wf.yaml": text}))] == found
