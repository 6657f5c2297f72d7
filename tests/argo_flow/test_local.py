"""The local runner with real processes: steps, DAGs, conditions and outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.argo_flow.workflows import (
    INPUT,
    ROWS,
    arguments,
    call,
    dag,
    message,
    phases,
    run,
    shell,
    steps,
    workflow,
)


async def test_outputs_of_one_task_are_inputs_of_the_next(tmp_path: Path) -> None:
    text = workflow(
        dag(
            call("a", "make"),
            call(
                "b", "show", depends="a",
                arguments=arguments(text="{{tasks.a.outputs.parameters.rows}}/{{tasks.a.outputs.result}}/"
                                    "{{tasks.a.exitCode}}/{{tasks.a.status}}"),
            ),
        )
        + shell("make", "echo made; mkdir -p /tmp/outputs; printf '42\\n' > /tmp/outputs/rows", rest=ROWS)
        + shell("show", "echo '{{inputs.parameters.text}}'", rest=INPUT)
    )  # fmt: skip
    result = await run(tmp_path, text)
    assert result.phase == "Succeeded"
    shown = next(node for node in result.nodes.values() if node.display_name == "b")
    assert shown.outputs.result == "42/made/0/Succeeded"


async def test_two_steps_that_write_the_same_path_do_not_meet(tmp_path: Path) -> None:
    write = "mkdir -p /tmp/outputs; echo {{inputs.parameters.text}} > /tmp/outputs/rows; sleep 0.2"
    both = "{{steps.a.outputs.parameters.rows}} {{steps.b.outputs.parameters.rows}}"
    writers = [call(name, "w", arguments=arguments(text=word)) for name, word in (("a", "one"), ("b", "two"))]
    text = workflow(
        steps(tuple(writers), (call("c", "s", arguments=arguments(text=both)),))
        + shell("w", write, rest=INPUT + ROWS)
        + shell("s", "echo {{inputs.parameters.text}}", rest=INPUT)
    )
    result = await run(tmp_path, text)
    assert next(n for n in result.nodes.values() if n.display_name == "c").outputs.result == "one two"


async def test_a_step_whose_condition_is_false_is_skipped_and_its_outputs_have_their_defaults(
    tmp_path: Path,
) -> None:
    default = "outputs: {parameters: [{name: rows, valueFrom: {path: /tmp/rows, default: none}}]}"
    text = workflow(
        steps(
            (call("a", "make", when="'1 > 2'"),),
            (call("b", "show", arguments=arguments(text="{{steps.a.outputs.parameters.rows}}")),),
        )
        + shell("make", "exit 1", rest=default)
        + shell("show", "echo {{inputs.parameters.text}}", rest=INPUT)
    )
    result = await run(tmp_path, text)
    assert phases(result)["[0].a"] == "Skipped"
    assert message(result, "[0].a") == "when '1 > 2' evaluated false"
    assert next(n for n in result.nodes.values() if n.display_name == "b").outputs.result == "none"


async def test_an_absent_output_gives_way_to_the_inputs_default_and_fails_the_node_otherwise(
    tmp_path: Path,
) -> None:
    absent = "{{tasks.a.outputs.parameters.rows}}"
    text = workflow(
        dag(
            call("a", "make", when="'x == y'"),
            call("with-default", "lenient", depends="a", arguments=arguments(text=absent)),
            call("without", "strict", depends="a", arguments=arguments(text=absent)),
        )
        + shell("make", "true", rest=ROWS)
        + shell(
            "lenient",
            "echo {{inputs.parameters.text}}",
            rest="inputs: {parameters: [{name: text, default: d}]}",
        )
        + shell("strict", "echo {{inputs.parameters.text}}", rest=INPUT)
    )
    result = await run(tmp_path, text)
    assert phases(result) == {"a": "Skipped", "with-default": "Succeeded", "without": "Error"}
    assert "has no default" in message(result, ".without")
    assert result.phase == "Error"


async def test_a_condition_that_cannot_be_evaluated_is_an_error(tmp_path: Path) -> None:
    text = workflow(dag(call("a", "t", when="'two words == x'")) + shell("t", "true"))
    result = await run(tmp_path, text)
    assert phases(result) == {"a": "Error"}
    assert "hint: put quotes" in message(result, ".a")


@pytest.mark.parametrize(
    ("depends", "expected", "phase"),
    [
        ("good && bad", "Omitted", "Failed"),
        ("bad.Failed", "Succeeded", "Succeeded"),
        ("good || bad", "Succeeded", "Succeeded"),
        ("bad.Errored", "Omitted", "Failed"),
        ("good && !bad.Succeeded", "Succeeded", "Succeeded"),
    ],
)
async def test_depends_decides_whether_a_task_runs_and_what_becomes_of_the_dag(
    tmp_path: Path, depends: str, expected: str, phase: str
) -> None:
    text = workflow(
        dag(call("good", "ok"), call("bad", "fail"), call("last", "ok", depends=f"'{depends}'"))
        + shell("ok", "true")
        + shell("fail", "exit 3")
    )
    result = await run(tmp_path, text)
    assert phases(result)["last"] == expected
    assert message(result, ".bad") == "Error (exit code 3)"
    # `good` is no target: something depends on it; `last` decides, alone or for what it left out.
    assert result.phase == (phase if "bad" in depends else "Succeeded")


async def test_a_task_waits_for_all_it_names_even_where_one_would_do(tmp_path: Path) -> None:
    text = workflow(
        dag(call("fast", "t"), call("slow", "s"), call("last", "t", depends="'fast || slow'"))
        + shell("t", "true")
        + shell("s", "sleep 0.3")
    )
    result = await run(tmp_path, text)
    times = {node.display_name: node for node in result.nodes.values()}
    assert times["last"].started_at >= (times["slow"].finished_at or 0)


async def test_everything_below_an_omitted_task_is_omitted(tmp_path: Path) -> None:
    text = workflow(
        dag(call("a", "fail"), call("b", "ok", depends="a"), call("c", "ok", depends="b"), call("d", "ok"))
        + shell("ok", "true")
        + shell("fail", "exit 1")
    )
    result = await run(tmp_path, text)
    assert phases(result) == {"a": "Failed", "b": "Omitted", "c": "Omitted", "d": "Succeeded"}
    assert result.phase == "Failed"


async def test_the_siblings_of_a_failed_step_finish_and_no_further_group_starts(tmp_path: Path) -> None:
    text = workflow(
        steps((call("a", "fail"), call("b", "slow")), (call("c", "slow"),))
        + shell("fail", "exit 1")
        + shell("slow", "sleep 0.2")
    )
    result = await run(tmp_path, text)
    assert phases(result) == {"[0]": "Failed", "[0].a": "Failed", "[0].b": "Succeeded"}
    assert result.message.endswith("failed")


async def test_a_step_that_may_fail_does_not_fail_its_group(tmp_path: Path) -> None:
    text = workflow(
        steps((call("a", "fail", continueOn="{failed: true}"),), (call("b", "ok"),))
        + shell("fail", "exit 1")
        + shell("ok", "true")
    )
    result = await run(tmp_path, text)
    assert phases(result)["[1].b"] == "Succeeded"
    assert result.phase == "Succeeded"


async def test_a_composite_template_has_the_outputs_of_its_steps(tmp_path: Path) -> None:
    inner = """
- name: inner
  steps: [[{name: a, template: make}]]
  outputs: {parameters: [{name: total, valueFrom: {parameter: '{{steps.a.outputs.parameters.rows}}'}}]}
"""
    show = call(
        "show", "show", depends="in", arguments=arguments(text="{{tasks.in.outputs.parameters.total}}")
    )
    text = workflow(
        dag(call("in", "inner"), show)
        + inner.lstrip()
        + shell("make", "mkdir -p /tmp/outputs; echo 7 > /tmp/outputs/rows", rest=ROWS)
        + shell("show", "echo {{inputs.parameters.text}}", rest=INPUT)
    )
    result = await run(tmp_path, text)
    assert next(n for n in result.nodes.values() if n.display_name == "show").outputs.result == "7"
