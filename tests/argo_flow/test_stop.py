"""Stopping a local workflow, and the command line."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from argo_flow.local import Event, LocalRunner, NodeLine, WorkflowResult
from argo_flow.local.events import StreamName
from argo_flow.local.process import Ended, Exit, run_process
from argo_flow.local.settings import inherited
from argo_flow.local.stop import Stop
from tests.argo_flow.workflows import bundle, call, dag, phases, shell, steps, workflow
from tests.patience import PATIENCE

TWO_GROUPS = steps((call("a", "wait"),), (call("b", "wait"),))


async def stopped_at_first_line(directory: Path, text: str, *, twice: bool = False) -> WorkflowResult:
    """Run the workflow and stop it (twice) as soon as a step prints something."""

    def on_event(event: Event) -> None:
        if isinstance(event, NodeLine) and not stops:
            stops.append(event)
            runner.stop()
            if twice:
                runner.stop()

    stops: list[Event] = []
    runner = LocalRunner(directory, on_event, environment=inherited())
    return await asyncio.wait_for(runner.run(bundle(text)), PATIENCE)


async def test_a_stopped_step_gets_sigint_and_may_end_in_its_own_way(tmp_path: Path) -> None:
    script = "trap 'echo cancelled; exit 130' INT; echo ready; sleep 600 & wait"
    result = await stopped_at_first_line(tmp_path, workflow(TWO_GROUPS + shell("wait", script)))
    assert phases(result) == {"[0]": "Failed", "[0].a": "Failed"}
    node = next(node for node in result.nodes.values() if node.display_name == "a")
    assert (node.outputs.exit_code, node.message) == ("130", "Stopped with strategy 'Stop'")
    state = json.loads((tmp_path / "wf" / "workflow.json").read_text())
    assert state["spec"]["shutdown"] == "Stop"


async def test_a_step_that_ignores_the_signal_is_killed_when_the_person_insists(tmp_path: Path) -> None:
    script = "trap '' INT TERM; echo ready; while true; do sleep 0.1; done"
    result = await stopped_at_first_line(tmp_path, workflow(shell("main", script)), twice=True)
    assert (result.phase, result.outputs.exit_code) == ("Failed", "137")


async def test_a_process_that_ignores_a_signal_is_killed_after_the_grace(tmp_path: Path) -> None:
    out: list[bytes] = []
    stop = Stop()

    def on_chunk(stream: StreamName, chunk: bytes) -> None:
        out.append(chunk)
        stop.request()

    end = await run_process(
        ["sh", "-c", "trap '' INT; echo ready; while true; do sleep 0.1; done"],
        env=inherited(),
        cwd=tmp_path,
        on_chunk=on_chunk,
        stop=stop,
        grace=0.3,
    )
    assert (end, out) == (Exit(137, Ended.STOPPED), [b"ready\n"])


async def test_nothing_starts_and_nothing_is_retried_after_a_stop(tmp_path: Path) -> None:
    # In the background: a shell that is just about to become its foreground command loses the signal.
    text = workflow(
        dag(call("a", "wait"), call("b", "wait", depends="'a || a.Failed'"))
        + shell("wait", "sleep 600 & echo ready; wait", rest="retryStrategy: {limit: 3, retryPolicy: Always}")
    )
    result = await stopped_at_first_line(tmp_path, text)
    assert phases(result) == {"a": "Failed", "a(0)": "Failed"}
    assert result.message == "Stopped with strategy 'Stop'"


async def test_a_suspended_node_ends_at_once(tmp_path: Path) -> None:
    text = workflow(
        steps((call("a", "hold"), call("b", "say")))
        + "- {name: hold, suspend: {duration: 1h}}\n"
        + shell("say", "echo now")
    )
    result = await stopped_at_first_line(tmp_path, text)
    assert phases(result)["[0].a"] == "Failed"


async def test_cancelling_the_run_leaves_no_process_behind(tmp_path: Path) -> None:
    pids: list[int] = []
    ready = asyncio.Event()

    def on_event(event: Event) -> None:
        if isinstance(event, NodeLine):
            pids.append(int(event.text))
            ready.set()

    runner = LocalRunner(tmp_path, on_event, environment=inherited())
    text = workflow(shell("main", "trap '' INT TERM; sleep 600 & echo $!; wait"))
    task = asyncio.create_task(runner.run(bundle(text)))
    await asyncio.wait_for(ready.wait(), PATIENCE)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE)
    await _gone(pids[0])
    state = json.loads((tmp_path / "wf" / "workflow.json").read_text())
    assert state["status"]["phase"] == "Error"


async def _gone(pid: int) -> None:
    """Wait until the process is no more, or only waits for its parent to notice."""
    deadline = time.monotonic() + PATIENCE
    while _running(pid):
        assert time.monotonic() < deadline, f"process {pid} is still there"
        await asyncio.sleep(0.02)


def _running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def command(*arguments: str, cwd: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "argo_flow.local", "run", *arguments,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@pytest.mark.parametrize(("script", "code"), [("echo hello {{workflow.parameters.who}}", 0), ("exit 3", 1)])
async def test_the_command_tells_by_its_exit_code_whether_the_workflow_succeeded(
    tmp_path: Path, script: str, code: int
) -> None:
    text = workflow(shell("main", script), spec="arguments: {parameters: [{name: who, value: nobody}]}")
    (tmp_path / "wf.yaml").write_text(text)
    process = await command("wf.yaml", "--run-dir", "runs", "-p", "who=you", cwd=tmp_path)
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == code
    assert b"which is not Argo" in out
    assert b"\x1b[" not in out
    assert (b"hello you" in out) is (code == 0)


async def test_the_command_starts_nothing_when_the_files_are_wrong(tmp_path: Path) -> None:
    (tmp_path / "wf.yaml").write_text(workflow("- name: main\n  steps: [[{name: a, template: none}]]"))
    process = await command("wf.yaml", "--run-dir", "runs", cwd=tmp_path)
    _, err = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 2
    assert b"wf.yaml:9: error[unresolved]" in err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_to_the_command_stops_the_workflow(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "wf.yaml").write_text(
        workflow(shell("main", "trap 'echo cancelled; exit 130' INT; echo ready; sleep 600 & wait"))
    )
    process = await command("wf.yaml", "--run-dir", "runs", cwd=tmp_path)
    assert process.stdout is not None
    seen = b""
    while b"ready" not in seen:
        seen += await asyncio.wait_for(process.stdout.readline(), PATIENCE)
    process.send_signal(number)
    out, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 130
    assert b"cancelled" in out
