"""What every bridge and every step do together: one suite, for the fake and for the real bridge."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from testbed.servers import TemporalServer
from tests.step.programs import Bridge, FakeBridge, Json, StepCommand, eventually
from tests.step.real_bridge import RealBridge, planned_worker

LONG: Json = {"seconds": 600}


@pytest.fixture(scope="module")
def worker(temporal: TemporalServer) -> Iterator[str]:
    """Temporal's address, once a worker is there for the runs."""
    with planned_worker(temporal.address):
        yield temporal.address


@pytest.fixture(params=["fake", "real"])
def bridge(request: pytest.FixtureRequest, tmp_path: Path, worker: str) -> Iterator[Bridge]:
    bridge: Bridge = (
        FakeBridge(tmp_path / "bridge.json") if request.param == "fake" else RealBridge(worker, tmp_path)
    )
    bridge.start()
    yield bridge
    bridge.kill()


@pytest.fixture
def step(bridge: Bridge, tmp_path: Path) -> StepCommand:
    return StepCommand(bridge.url, tmp_path)


def test_a_run_that_succeeds_ends_the_step_with_0_and_its_outputs_as_files(step: StepCommand) -> None:
    ended = step.run(plan={"seconds": 0.3, "result": {"rows": 7, "table": "t"}})
    assert ended.code == 0, ended
    assert (step.output("rows"), step.output("table")) == ("7", "t")
    assert json.loads(step.output("result")) == {"rows": 7, "table": "t"}


def test_a_run_that_fails_ends_the_step_with_1_and_shows_the_failure_and_its_causes(
    step: StepCommand,
) -> None:
    cause = {"type": "ValueError", "message": "column c", "cause": None}
    failure = {"type": "ApplicationError", "message": "no schema", "cause": cause}
    ended = step.run(plan={"seconds": 0.2, "fail": {"failure": failure}})
    assert ended.code == 1
    lines = [line.strip() for line in ended.out.splitlines()]
    assert lines.index("ApplicationError: no schema") + 1 == lines.index("caused by ValueError: column c")
    assert not step.outputs.exists()


def test_a_run_that_times_out_ends_the_step_with_124(step: StepCommand) -> None:
    assert step.run("--execution-timeout", "1s", plan=LONG).code == 124


def test_the_run_and_its_links_are_printed_before_anything_else(step: StepCommand) -> None:
    first, second, *_ = step.run(plan={"seconds": 0.2}).out.splitlines()
    assert first.split()[0] == "run"
    assert step.argo.uid in first
    assert second.split()[0] == "temporal"


def test_a_retried_pod_attaches_to_the_run_of_the_pod_that_was_killed(
    bridge: Bridge, step: StepCommand
) -> None:
    plan = {"seconds": 5, "result": {"rows": 1}}
    lost = step.start(plan=plan)
    lost.wait_for("Running")
    lost.send(signal.SIGKILL)
    lost.end()
    retried = replace(step, argo=replace(step.argo, retries=1)).run(plan=plan)
    assert retried.code == 0
    assert "attached" in retried.out
    assert bridge.starts(step.argo) == 1


def test_with_scope_attempt_every_argo_retry_is_a_run_of_its_own(bridge: Bridge, step: StepCommand) -> None:
    for retries in ("0", "1"):
        ended = step.run("--scope", "attempt", plan={}, CROSSOVER_ARGO_RETRIES=retries)
        assert ended.code == 0
    eventually(lambda: bridge.starts(step.argo) == 2)


def test_the_same_node_with_other_input_is_refused_with_2(step: StepCommand) -> None:
    assert step.run(plan={"seconds": 0, "result": 1}).code == 0
    ended = step.run(plan={"seconds": 0, "result": 2})
    assert ended.code == 2
    assert "refused" in ended.out


def test_a_bridge_that_restarts_costs_the_step_nothing(bridge: Bridge, step: StepCommand) -> None:
    process = step.start(plan={"seconds": 5, "result": {"rows": 3}})
    process.wait_for("Running")
    bridge.kill()
    process.wait_for("the bridge is away")
    bridge.start()
    ended = process.end()
    assert ended.code == 0, ended
    assert ended.out.count("the bridge is away") == 1
    assert "over after" in ended.out
    assert step.output("rows") == "3"
    assert bridge.starts(step.argo) == 1


def test_a_step_that_finds_no_bridge_waits_for_it(bridge: Bridge, step: StepCommand) -> None:
    bridge.kill()
    process = step.start(plan={"seconds": 0.1})
    process.wait_for("the bridge is away")
    bridge.start()
    assert process.end().code == 0
    assert bridge.starts(step.argo) == 1


def test_a_bridge_that_stays_away_beyond_the_budget_ends_the_step_with_75(
    bridge: Bridge, step: StepCommand
) -> None:
    process = step.start(plan=LONG, CROSSOVER_OUTAGE_BUDGET="2s")
    process.wait_for("Running")
    bridge.kill()
    ended = process.end()
    bridge.start()
    assert ended.code == 75
    assert "longer than 2s: connection refused" in ended.out


def test_ctrl_c_cancels_the_run_and_ends_the_step_with_130(bridge: Bridge, step: StepCommand) -> None:
    process = step.start(plan=LONG)
    process.wait_for("Running")
    process.send(signal.SIGINT)
    ended = process.end()
    assert ended.code == 130
    assert "Failed" in ended.out, "the run was seen to end"


def test_sigterm_cancels_the_run_when_told_to(step: StepCommand) -> None:
    process = step.start("--on-sigterm", "cancel", plan=LONG)
    process.wait_for("Running")
    process.send(signal.SIGTERM)
    assert process.end().code == 130


def test_a_cancelled_run_is_terminated_where_on_cancel_says_so(step: StepCommand) -> None:
    process = step.start("--on-sigterm", "cancel", "--on-cancel", "terminate", plan=LONG)
    process.wait_for("Running")
    process.send(signal.SIGTERM)
    assert process.end().code == 143


def test_progress_reaches_the_log_and_argo(step: StepCommand, tmp_path: Path) -> None:
    file = tmp_path / "progress"
    process = step.start(
        plan={"seconds": 9, "progress": ["1/3 tables", "2/3 tables", "3/3 tables"]},
        ARGO_PROGRESS_FILE=str(file),
    )
    process.wait_for("1/3 tables")
    eventually(lambda: file.exists() and file.read_text() == "2/3\n")
    ended = process.end()
    assert file.read_text() == "3/3\n"
    assert ended.out.count("3/3 tables") == 1


def test_the_view_file_follows_the_run_also_when_it_fails(step: StepCommand, tmp_path: Path) -> None:
    file = tmp_path / "deep" / "view.json"
    process = step.start("--view-file", str(file), plan={"seconds": 5, "fail": {}})
    process.wait_for("Running")
    eventually(lambda: file.exists() and json.loads(file.read_text())["phase"] == "Running")
    assert process.end().code == 1
    assert json.loads(file.read_text())["phase"] == "Failed"
    assert file.stat().st_mode & 0o777 == 0o644
