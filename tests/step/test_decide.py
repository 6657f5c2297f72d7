"""`crossover step decide`: the bridge's answer as files, and legacy for whatever goes wrong."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.flags.request import DecisionRequest
from crossover.errors import PROBLEM_TYPE
from crossover.flags.decision import Decision
from tests.step.programs import FakeBridge, Json, StepCommand, eventually


@pytest.fixture
def decide(step: StepCommand) -> StepCommand:
    return replace(step, command=(*step.command[:-1], "decide"))


def written(step: StepCommand) -> tuple[str, Json]:
    decision: Json = json.loads(step.output("decision"))
    return step.output("variant"), decision


@pytest.mark.parametrize("variant", ["legacy", "shadow", "crossover"])
def test_the_answer_becomes_two_files_and_one_line(
    bridge: FakeBridge, decide: StepCommand, variant: str
) -> None:
    bridge.set(variant=variant)
    ended = decide.run()
    assert (ended.code, written(decide)[0]) == (0, variant), ended
    (line,) = ended.out.splitlines()
    said = f"decided   {variant}: flags.enable_crossover.allow[0] of enable_crossover, version 7"
    assert re.fullmatch(rf" *\d+s  {re.escape(said)}", line)


def test_the_file_holds_a_decision_as_the_bridge_knows_it(bridge: FakeBridge, decide: StepCommand) -> None:
    bridge.set(variant="shadow")
    decide.run()
    decision = Decision.from_json(written(decide)[1])
    assert decision.argo == decide.argo
    assert (decision.variant.value, decision.context.tenant) == ("shadow", "test")


def test_the_question_is_one_that_the_bridge_reads(bridge: FakeBridge, decide: StepCommand) -> None:
    decide.run("--connector", "hive", "--environment", "prod", "--flag", "use_it", "--trace-id", "t-1")
    (request,) = bridge.requests("POST /v1/decisions")
    asked = DecisionRequest.model_validate_json(request["body"])
    assert asked.argo.node() == decide.argo
    assert (asked.flag, asked.app, asked.connector, asked.environment, asked.trace_id) == (
        *("use_it", "planned", "hive", "prod"),
        "t-1",
    )


def test_asked_again_the_node_gets_the_same_answer(bridge: FakeBridge, decide: StepCommand) -> None:
    bridge.set(variant="crossover")
    decide.run()
    first = written(decide)
    bridge.set(variant="legacy")
    decide.run()
    assert written(decide) == first


def test_a_passing_fault_is_ridden_out(bridge: FakeBridge, decide: StepCommand) -> None:
    bridge.set(variant="crossover")
    bridge.fault("POST /v1/decisions", drop="after")
    bridge.fault("POST /v1/decisions", reply={"status": 503, "body": "a proxy's page"})
    bridge.fault("POST /v1/decisions", drop="mid-body")
    assert decide.run().code == 0
    assert written(decide)[0] == "crossover"


REFUSALS: list[tuple[int, str, bool]] = [
    (401, "unauthenticated", False),
    (403, "forbidden", False),
    (404, "not-found", False),
    (422, "invalid-field", False),
    (429, "busy", True),
    (503, "unavailable", True),
]


@pytest.mark.parametrize(("status", "kind", "retryable"), REFUSALS)
def test_a_refusal_means_legacy_with_its_reason(
    bridge: FakeBridge, decide: StepCommand, status: int, kind: str, retryable: bool
) -> None:
    problem = {"type": PROBLEM_TYPE + kind, "detail": "No, thanks.", "retryable": retryable}
    bridge.fault("POST /v1/decisions", times=99, reply={"status": status, "body": json.dumps(problem)})
    ended = decide.run("--budget", "1s")
    variant, decision = written(decide)
    assert (ended.code, variant) == (0, "legacy")
    assert "No, thanks." in decision["note"]
    assert (decision["value"], decision["reason"]) == (False, "ERROR")
    assert "No, thanks." in ended.out


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<html>",
        "[]",
        "{}",
        '{"variant": "maybe", "flag": "enable_crossover"}',
        '{"variant": "crossover"}',
    ],
)
def test_an_answer_that_is_no_decision_means_legacy(
    bridge: FakeBridge, decide: StepCommand, body: str
) -> None:
    bridge.fault("POST /v1/decisions", times=99, reply={"status": 200, "body": body})
    ended = decide.run("--budget", "500ms")
    assert (ended.code, written(decide)[0]) == (0, "legacy")


def test_a_bridge_that_is_away_means_legacy_within_the_budget(
    bridge: FakeBridge, decide: StepCommand
) -> None:
    bridge.kill()
    ended = decide.run("--budget", "1s")
    bridge.start()
    assert (ended.code, written(decide)[0]) == (0, "legacy")
    assert "connection refused" in written(decide)[1]["note"]
    assert ended.took >= 1.0


def test_a_bridge_that_never_answers_means_legacy_within_the_budget(
    bridge: FakeBridge, decide: StepCommand
) -> None:
    bridge.fault("POST /v1/decisions", times=99, delay=600)
    ended = decide.run("--budget", "1s")
    assert (ended.code, written(decide)[0]) == (0, "legacy")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_stopped_step_writes_no_files(
    bridge: FakeBridge, decide: StepCommand, number: signal.Signals, code: int
) -> None:
    bridge.fault("POST /v1/decisions", times=99, delay=600)
    process = decide.start()
    eventually(lambda: len(bridge.requests("POST /v1/decisions")) == 1)
    process.send(number)
    assert process.end().code == code
    assert not decide.outputs.exists()


@pytest.mark.parametrize(
    ("flags", "env", "words"),
    [
        ([], {"CROSSOVER_URL": ""}, "crossover step decide: --url is missing"),
        ([], {"CROSSOVER_ARGO_NODE": ""}, "CROSSOVER_ARGO_NODE={{node.name}}"),
        (["--budget", "soon"], {}, "--budget: is not a duration"),
        (["--app", "{{inputs.parameters.app}}"], {}, "--app: still holds an Argo variable"),
        (["--trace-id", "a b"], {}, "--trace-id: must be letters"),
        (["--input", "{}"], {}, "unrecognized arguments"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_writes_nothing(
    decide: StepCommand, flags: list[str], env: dict[str, str], words: str
) -> None:
    ended = replace(decide, env=env).run(*flags)
    assert ended.code == 2
    assert words in ended.err
    assert not decide.outputs.exists()


def test_files_that_cannot_be_written_end_with_1(decide: StepCommand) -> None:
    decide.folder.joinpath("outputs").write_text("in the way")
    assert decide.run().code == 1


def test_the_command_loads_nothing_but_the_standard_library(decide: StepCommand) -> None:
    names = "sorted(name.partition('.')[0] for name in sys.modules)"
    code = (
        "import sys; sys.argv[1:] = ['decide', '--url', 'http://127.0.0.1:9', '--budget', '1ms'];"
        f"from crossover.cli.step import command; command.main(sys.argv[1:]); print({names})"
    )
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(Path.cwd())!r}); {code}"],
        env=decide.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(json.loads(ran.stdout.splitlines()[-1].replace("'", '"')))
    assert loaded - sys.stdlib_module_names == {"crossover", "__main__"}
