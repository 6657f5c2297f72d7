"""`valueFrom.expression`: what is read, what it gives, and what is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from argo_flow.graph.logic import ExpressionError
from argo_flow.graph.output_expression import evaluate_output_expression, parse_output_expression
from tests.argo_flow.workflows import message, phases, run, shell, workflow

KNOWN = {"tasks.a.outputs.parameters.x": "1", "tasks.a.status": "Succeeded", "tasks.b.outputs.result": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("tasks.a.outputs.parameters.x", "1"),
        ("'text'", "text"),
        ("tasks.a.status == 'Succeeded' ? tasks.a.outputs.parameters.x : tasks.b.outputs.result", "1"),
        ("tasks.a.status != 'Succeeded' ? tasks.b.outputs.result : 'other'", "other"),
        ("(tasks.a.status == 'Failed') || !(tasks.a.status == 'Error') ? 'yes' : 'no'", "yes"),
        ("tasks.a.status == 'Failed' and tasks.b.outputs.result == '' ? 'yes' : 'no'", "no"),
        ("tasks.a.status == 'Succeeded'", "true"),
    ],
)
def test_a_value_or_a_choice_between_two(text: str, value: str) -> None:
    assert evaluate_output_expression(text, KNOWN) == value
    assert evaluate_output_expression(str(parse_output_expression(text)), KNOWN) == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tasks.b.outputs.result", "tasks.b.outputs.result has no value"),
        ("tasks.c.status", "tasks.c.status has no value"),
        ("tasks.a.status ? 'x' : 'y'", "is not true or false"),
        ("tasks['a'].status", "column 6"),
        ("'x' ? 'y'", "instead of ':'"),
        ("asInt(tasks.a.status)", "unexpected '('"),
        ("'x' 'y'", "unexpected"),
        ("", "unexpected the end"),
    ],
)
def test_anything_else_is_refused_by_its_place_or_name(text: str, words: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(words)):
        evaluate_output_expression(text, KNOWN)


CHOICE = """
- name: main
  dag:
    tasks:
    - {name: toss, template: toss}
    - name: heads
      depends: toss
      when: "{{tasks.toss.outputs.result}} == heads"
      template: say
      arguments: {parameters: [{name: text, value: it is heads}]}
    - name: tails
      depends: toss
      when: "{{tasks.toss.outputs.result}} == tails"
      template: say
      arguments: {parameters: [{name: text, value: it is tails}]}
  outputs:
    parameters:
    - name: said
      valueFrom:
        expression: >-
          tasks.toss.outputs.result == 'heads'
          ? tasks.heads.outputs.result : tasks.tails.outputs.result
"""
SAY = shell("say", "echo {{inputs.parameters.text}}", rest="inputs: {parameters: [{name: text}]}")


@pytest.mark.parametrize("side", ["heads", "tails"])
async def test_an_output_is_taken_from_the_call_that_ran(tmp_path: Path, side: str) -> None:
    result = await run(tmp_path, workflow(CHOICE + SAY + shell("toss", f"echo {side}")))
    assert result.outputs.parameters == {"said": f"it is {side}"}


async def test_an_output_without_a_value_is_an_error_of_its_template(tmp_path: Path) -> None:
    result = await run(tmp_path, workflow(CHOICE + SAY + shell("toss", "echo edge")))
    assert (result.phase, "tasks.tails.outputs.result has no value" in result.message) == ("Error", True)
    assert phases(result)["heads"] == "Skipped"
    assert message(result, ".tails").endswith("evaluated false")
