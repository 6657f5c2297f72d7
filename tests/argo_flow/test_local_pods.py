"""The local runner with real processes: one container or script, its retries, limits, events and state."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from argo_flow.local import NodeFinished, NodeLine, NodeProgress, NodeStarted, WorkflowFinished
from argo_flow.local.nodes import pod_name
from crossover.contract.argo import fnv32a, node_id
from tests.argo_flow.workflows import (
    INPUT,
    ROWS,
    Recorder,
    call,
    dag,
    phases,
    run,
    shell,
    steps,
    until_there,
    workflow,
)


def test_ids_and_pod_names_are_those_that_a_real_argo_gives() -> None:
    """From a recording of Argo 4.1.2."""
    assert node_id("plugin-785dp", "plugin-785dp") == "plugin-785dp"
    assert node_id("plugin-785dp", "plugin-785dp.after") == "plugin-785dp-2316759777"
    assert node_id("plugin-785dp", "plugin-785dp.extract(0)") == "plugin-785dp-3190918149"
    assert pod_name("wf", "wf", "main") == "wf"
    assert pod_name("wf", "wf.a", "work") == f"wf-work-{fnv32a('wf.a')}"


async def test_a_script_gets_its_source_as_a_file_and_the_environment_of_the_template(tmp_path: Path) -> None:
    script = """
    - name: main
      script:
        image: any
        command: [python3]
        env: [{name: WHO, value: world}, {name: GREETING, value: hello $(WHO) $$(WHO) $(NOBODY)}]
        source: |
          import os
          print(os.environ["GREETING"])
    """
    result = await run(tmp_path, workflow(script))
    assert result.outputs.result == "hello world $(WHO) $(NOBODY)"


async def test_a_process_gets_what_argo_gives_to_a_container(tmp_path: Path) -> None:
    result = await run(tmp_path, workflow(shell("main", "env")))
    lines = (result.outputs.result or "").splitlines()
    environment = dict(line.split("=", 1) for line in lines if "=" in line)
    assert environment["ARGO_WORKFLOW_NAME"] == "wf"
    assert environment["ARGO_NODE_ID"] == "wf"
    assert environment["ARGO_CONTAINER_NAME"] == "main"
    assert environment["ARGO_DEADLINE"] == "0001-01-01T00:00:00Z"
    assert environment["TRACESTATE"] == "workflow=local/wf"
    assert len(environment["TRACEPARENT"].split("-")[1]) == 32


async def test_a_failed_attempt_is_repeated_with_the_same_node_name_and_the_next_number(
    tmp_path: Path,
) -> None:
    script = """
        echo {{node.name}} {{pod.name}} {{retries}} {{lastRetry.exitCode}} $ARGO_NODE_ID
        exit {{=75}}
    """.replace("{{=75}}", "$((75 * ({{retries}} < 2)))")
    strategy = "retryStrategy: {limit: 5, expression: \"lastRetry.exitCode == '75'\"}"
    result = await run(tmp_path, workflow(dag(call("t", "flaky")) + shell("flaky", script, rest=strategy)))
    assert phases(result) == {"t": "Succeeded", "t(0)": "Failed", "t(1)": "Failed", "t(2)": "Succeeded"}
    lines = [node.outputs.result for node in result.nodes.values() if node.name.startswith("wf.t(")]
    assert lines == [
        f"wf.t {pod_name('wf', f'wf.t({n})', 'flaky')} {n} {code} {node_id('wf', f'wf.t({n})')}"
        for n, code in enumerate(["0", "75", "75"])
    ]


async def test_a_failure_that_the_expression_does_not_name_is_final(tmp_path: Path) -> None:
    strategy = "retryStrategy: {limit: 5, expression: \"lastRetry.exitCode == '75'\"}"
    result = await run(tmp_path, workflow(shell("main", "exit 2", rest=strategy)))
    assert phases(result) == {"(0)": "Failed"}
    assert result.message == "retryStrategy.expression evaluated to false"


async def test_retries_end_at_the_limit_and_wait_for_the_backoff(tmp_path: Path) -> None:
    strategy = "retryStrategy: {limit: 2, backoff: {duration: '0.1', factor: 2}}"
    started = time.monotonic()
    result = await run(tmp_path, workflow(shell("main", "exit 1", rest=strategy)))
    assert time.monotonic() - started >= 0.3
    assert list(phases(result)) == ["(0)", "(1)", "(2)"]
    assert result.message == "No more retries left"


async def test_a_strategy_that_cannot_be_read_ends_in_error(tmp_path: Path) -> None:
    strategy = 'retryStrategy: {limit: 2, expression: "lastRetry.exitCode > 1"}'
    result = await run(tmp_path, workflow(shell("main", "exit 2", rest=strategy)))
    assert result.phase == "Error"
    assert "only numbers or strings can be ordered" in result.message


async def test_a_timeout_ends_the_process_and_fails_the_node(tmp_path: Path) -> None:
    script = "trap 'echo asked; exit 9' TERM; echo $ARGO_DEADLINE; sleep 600 & wait"
    result = await run(tmp_path, workflow(shell("main", script, rest="timeout: 4s")))
    assert (result.phase, result.message) == ("Failed", "Step exceeded its deadline")
    assert (result.outputs.result or "").endswith("asked")
    assert not (result.outputs.result or "").startswith("0001")


async def test_the_workflows_deadline_holds_for_its_steps(tmp_path: Path) -> None:
    text = workflow(steps((call("a", "slow"),)) + shell("slow", "sleep 600"), spec="activeDeadlineSeconds: 1")
    result = await run(tmp_path, text)
    assert result.phase == "Failed"


async def test_suspend_waits_for_its_duration(tmp_path: Path) -> None:
    started = time.monotonic()
    result = await run(tmp_path, workflow("- name: main\n  suspend: {duration: 300ms}"))
    assert result.phase == "Succeeded"
    assert time.monotonic() - started >= 0.3


async def test_a_declared_output_without_a_file_is_an_error_unless_it_has_a_default(tmp_path: Path) -> None:
    missing = await run(tmp_path / "a", workflow(shell("main", "true", rest=ROWS)))
    assert (missing.phase, missing.message) == (
        "Error",
        "cannot save parameter /tmp/outputs/rows: no such file",
    )
    default = "outputs: {parameters: [{name: rows, valueFrom: {path: /tmp/rows, default: '0'}}]}"
    result = await run(tmp_path / "b", workflow(shell("main", "true", rest=default)))
    assert result.outputs.parameters == {"rows": "0"}


async def test_a_command_that_cannot_be_started_fails_with_the_executors_exit_code(tmp_path: Path) -> None:
    text = workflow("- name: main\n  container: {image: x, command: [no-such-program-here]}")
    result = await run(tmp_path, text)
    assert (result.phase, result.outputs.exit_code) == ("Failed", "64")
    assert "cannot start" in result.message


async def test_a_process_that_a_signal_ends_has_the_exit_code_137(tmp_path: Path) -> None:
    result = await run(tmp_path, workflow(shell("main", "kill -SEGV $$$$")))
    assert result.outputs.exit_code == "137"


async def test_the_result_is_the_end_of_stdout(tmp_path: Path) -> None:
    script = "python3 -c \"print('x' * 300000); print('end')\"; echo not this >&2"
    result = await run(tmp_path, workflow(shell("main", script)))
    text = result.outputs.result or ""
    assert len(text) == 256 * 1024 - 1
    assert text.endswith("x\nend")


async def test_progress_is_shown_while_the_process_runs_and_kept(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    recorder = Recorder({NodeProgress: seen})
    script = f"echo 1/3 > $ARGO_PROGRESS_FILE; {until_there(seen)}; echo 3/3 >> $ARGO_PROGRESS_FILE"
    await run(tmp_path, workflow(shell("main", script)), on_event=recorder)
    kinds = [type(event).__name__ for event in recorder.events]
    assert kinds == ["NodeStarted", "NodeProgress", "NodeProgress", "NodeFinished", "WorkflowFinished"]
    state = json.loads((tmp_path / "wf" / "workflow.json").read_text())
    assert state["status"]["nodes"]["wf"]["progress"] == "3/3"


async def test_events_tell_the_whole_story_in_order(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    recorder = Recorder({NodeLine: seen})
    script = f"echo out; {until_there(seen)}; echo err >&2"
    await run(tmp_path, workflow(shell("main", script)), on_event=recorder)
    match recorder.events:
        case [
            NodeStarted(),
            NodeLine(stream="stdout", text="out"),
            NodeLine(stream="stderr", text="err"),
            NodeFinished(node),
            WorkflowFinished(name="wf"),
        ]:
            assert node.phase == "Succeeded"
        case other:
            pytest.fail(f"unexpected events: {other}")


async def test_what_the_process_leaves_behind_is_killed_with_it(tmp_path: Path) -> None:
    script = "sleep 600 & echo $! > /tmp/outputs/rows; echo started"
    result = await run(tmp_path, workflow(shell("main", script, rest=ROWS)))
    assert result.phase == "Succeeded"
    assert (
        not Path(f"/proc/{result.outputs.parameters['rows']}/cmdline").exists()
        or not Path(f"/proc/{result.outputs.parameters['rows']}/cmdline").read_bytes()
    )


async def test_recursion_ends_at_argos_depth(tmp_path: Path) -> None:
    result = await run(tmp_path, workflow("- name: main\n  steps: [[{name: a, template: main}]]"))
    assert result.phase == "Failed"
    assert any("templates within each other" in node.message for node in result.nodes.values())


async def test_parameters_are_given_by_the_caller_or_have_their_defaults(tmp_path: Path) -> None:
    text = workflow(
        shell(
            "main",
            "echo {{inputs.parameters.text}} {{workflow.parameters.how}}",
            rest=INPUT,
        ),
        spec="arguments: {parameters: [{name: text, value: world}, {name: how, value: loudly}]}",
    )
    result = await run(tmp_path, text, parameters={"text": "you"})
    assert result.outputs.result == "you loudly"


async def test_the_state_file_is_shaped_like_argos_workflow_and_says_that_it_is_not(tmp_path: Path) -> None:
    text = workflow(
        dag(call("a", "t")) + shell("t", "mkdir -p /tmp/outputs; echo 1 > /tmp/outputs/rows", rest=ROWS)
    )
    result = await run(tmp_path, text)
    state = json.loads((tmp_path / "wf" / "workflow.json").read_text())
    assert state["kind"] == "Workflow"
    assert state["metadata"]["uid"] == result.uid
    assert "not Argo" in state["metadata"]["annotations"]["crossover/local-runner"]
    assert (state["status"]["phase"], "shutdown" in state["spec"]) == ("Succeeded", False)
    root = state["status"]["nodes"]["wf"]
    task = state["status"]["nodes"][root["children"][0]]
    assert (root["type"], task["type"], task["boundaryID"]) == ("DAG", "Pod", "wf")
    assert task["outputs"] == {"parameters": [{"name": "rows", "value": "1"}], "result": "", "exitCode": "0"}
