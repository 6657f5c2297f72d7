"""`crossover step outcome`: tells how a side went, and never fails the step."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import pytest

from bridge.flags.request import OutcomeRequest
from bridge.steps.request import StartRequest
from tests.step.programs import FakeBridge, Json, StepCommand, eventually

LASTED = ("--started-at", "2026-01-31T12:00:00Z", "--finished-at", "2026-01-31T12:00:12Z")


def decided(bridge: FakeBridge, step: StepCommand, variant: str) -> str:
    """The node's decision, as its decide step wrote it."""
    bridge.set(variant=variant)
    command = replace(step, command=(*step.command[:-1], "decide"), folder=step.folder / "decide")
    assert command.run().code == 0
    return command.output("decision")


@pytest.fixture
def outcome(step: StepCommand) -> StepCommand:
    return replace(step, command=(*step.command[:-1], "outcome"))


def told(bridge: FakeBridge) -> list[OutcomeRequest]:
    """What was told, as the bridge reads it."""
    return [OutcomeRequest.model_validate(each) for each in bridge.state()["outcomes"]]


def test_legacys_outcome_is_what_argo_says_of_its_node(bridge: FakeBridge, outcome: StepCommand) -> None:
    decision = decided(bridge, outcome, "legacy")
    ended = outcome.run("--decision", decision, "--side", "legacy", "--phase", "Failed", *LASTED)
    (one,) = told(bridge)
    assert ended.code == 0
    assert (one.side.value, one.phase, one.duration_s) == ("legacy", "Failed", 12.0)
    assert one.decision == json.loads(decision)
    assert "told      legacy Failed after 12s" in ended.out


def shadowed(bridge: FakeBridge, step: StepCommand, plan: Json) -> str:
    """A node decided shadow whose run was started and left; its decision."""
    decision = decided(bridge, step, "shadow")
    started = step.run("--decision", decision, "--until", "start", plan=plan)
    assert started.code == 0, started
    assert "this run does not count" in started.out
    assert "the run goes on by itself" in started.out
    assert not step.outputs.exists()
    return decision


def test_a_started_run_knows_its_decision(bridge: FakeBridge, step: StepCommand) -> None:
    decision = shadowed(bridge, step, {"seconds": 600})
    (request,) = bridge.requests("POST /v1/runs")
    asked = StartRequest.model_validate_json(request["body"])
    assert asked.decision == json.loads(decision)
    assert len(bridge.requests("GET /v1/runs")) == 0


@pytest.mark.parametrize(
    ("legacys", "said"),
    [
        ('{"rows": 3}', "its outputs are legacy's"),
        ('{"rows": 4}', "its outputs differ from legacy's in 1 places"),
        ("three rows", "its outputs differ from legacy's in 1 places"),
    ],
)
def test_shadows_outcome_is_its_runs_and_is_compared(
    bridge: FakeBridge, step: StepCommand, outcome: StepCommand, legacys: str, said: str
) -> None:
    decision = shadowed(bridge, step, {"seconds": 0.2, "result": {"rows": 3}})
    ended = outcome.run(
        *("--decision", decision, "--side", "shadow", "--wait", "10s"),
        *("--compare-with", legacys, "--ignore", "/at", "--ignore", "/by"),
    )
    (one,) = told(bridge)
    assert ended.code == 0
    assert (one.phase, one.outputs, one.ignore) == ("Succeeded", {"rows": 3}, ("/at", "/by"))
    assert one.duration_s == pytest.approx(0.2, abs=0.01)
    assert said in ended.out


def test_a_shadow_that_failed_is_told_and_not_compared(
    bridge: FakeBridge, step: StepCommand, outcome: StepCommand
) -> None:
    decision = shadowed(bridge, step, {"fail": {}})
    ended = outcome.run("--decision", decision, "--side", "shadow", "--compare-with", "{}")
    (one,) = told(bridge)
    assert (ended.code, one.phase) == (0, "Failed")
    assert "compare_with" not in one.model_fields_set


def test_a_shadow_that_is_not_over_is_left_alone_and_not_told(
    bridge: FakeBridge, step: StepCommand, outcome: StepCommand
) -> None:
    decision = shadowed(bridge, step, {"seconds": 600})
    ended = outcome.run("--decision", decision, "--side", "shadow", "--wait", "500ms")
    assert (ended.code, told(bridge)) == (0, [])
    assert "its run is not over after 500ms" in ended.out


def test_a_shadow_that_was_never_started_is_not_told(bridge: FakeBridge, outcome: StepCommand) -> None:
    decision = decided(bridge, outcome, "shadow")
    ended = outcome.run("--decision", decision, "--side", "shadow")
    assert (ended.code, told(bridge)) == (0, [])
    assert "There is no such run." in ended.out


def test_a_node_that_the_bridge_did_not_decide_is_not_told(bridge: FakeBridge, outcome: StepCommand) -> None:
    bridge.fault("POST /v1/decisions", times=99, reply={"status": 500, "body": ""})
    decide = replace(outcome, command=(*outcome.command[:-1], "decide"))
    decide.run("--budget", "200ms")
    ended = outcome.run(
        "--decision", decide.output("decision"), "--side", "legacy", "--phase", "Succeeded", *LASTED
    )
    assert (ended.code, told(bridge)) == (0, [])
    assert "the bridge did not decide this node" in ended.out


def test_an_outcome_that_cannot_be_told_fails_nothing(bridge: FakeBridge, outcome: StepCommand) -> None:
    decision = decided(bridge, outcome, "legacy")
    bridge.fault("POST /v1/outcomes", times=99, reply={"status": 502, "body": "gone"})
    given = ("--decision", decision, "--side", "legacy", "--phase", "Succeeded", *LASTED)
    ended = outcome.run(*given, "--budget", "500ms")
    assert (ended.code, told(bridge)) == (0, [])
    assert "the outcome is not counted: the bridge is away" in ended.out


def test_a_stopped_step_says_so(bridge: FakeBridge, outcome: StepCommand) -> None:
    decision = decided(bridge, outcome, "legacy")
    bridge.fault("POST /v1/outcomes", times=99, delay=20)
    process = outcome.start("--decision", decision, "--side", "legacy", "--phase", "Succeeded", *LASTED)
    eventually(lambda: len(bridge.requests("POST /v1/outcomes")) == 1)
    process.send(signal.SIGTERM)
    assert process.end().code == 143


NODE = '{"argo": {"namespace": "n", "workflow": "w", "uid": "u", "node_name": "w"}}'


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--side", "legacy"], "--decision is missing"),
        (["--decision", NODE], "--side is missing"),
        (["--decision", "no", "--side", "shadow"], "--decision: is not JSON"),
        (["--decision", "{}", "--side", "shadow"], "--decision: is no decision"),
        (["--decision", NODE, "--side", "both"], "--side: must be one of legacy, shadow, crossover"),
        (["--decision", NODE, "--side", "legacy"], "--phase is missing"),
        (["--decision", NODE, "--side", "legacy", "--phase", "Running"], "--phase: must be one of"),
        (["--decision", NODE, "--side", "legacy", "--phase", "Failed"], "say how long it took"),
        (
            ["--decision", NODE, "--side", "legacy", "--phase", "Failed", "--started-at", "noon"],
            "--started-at: is no time",
        ),
        (
            ["--decision", NODE, "--side", "shadow", "--compare-with", "x" * 70_000],
            "--compare-with: is longer than 64 KiB",
        ),
    ],
)
def test_a_wrong_command_line_ends_with_2(outcome: StepCommand, flags: list[str], words: str) -> None:
    ended = outcome.run(*flags)
    assert ended.code == 2
    assert words in ended.err
