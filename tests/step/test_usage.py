"""Wrong command lines end with 2 and say what to change; right ones become the start request."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from crossover.cli.step.environment import parse_deadline, read_pod
from tests.step.programs import FakeBridge, Json, StepCommand


def started(bridge: FakeBridge) -> Json:
    body: Json = json.loads(bridge.requests("POST /v1/runs")[-1]["body"])
    return body


@pytest.mark.parametrize(
    ("flags", "env", "words"),
    [
        ([], {"CROSSOVER_URL": ""}, "--url is missing"),
        ([], {"CROSSOVER_URL": "bridge:8080"}, "CROSSOVER_URL: write http://"),
        (["--url", "http://me:secret@bridge"], {}, "--url: must hold no user"),
        (["--url", "http://bridge:99999"], {}, "--url: is not a URL"),
        ([], {"CROSSOVER_APP": ""}, "say what to run"),
        (["--workflow-type", "T"], {}, "not both"),
        (["--workflow-type", "T", "--app", ""], {"CROSSOVER_APP": ""}, "say what to run"),
        ([], {"CROSSOVER_ARGO_UID": ""}, "CROSSOVER_ARGO_UID={{workflow.uid}}"),
        ([], {"CROSSOVER_ARGO_NODE": ""}, "CROSSOVER_ARGO_NODE={{node.name}}"),
        ([], {"CROSSOVER_ARGO_WORKFLOW": ""}, "CROSSOVER_ARGO_WORKFLOW={{workflow.name}}"),
        ([], {"CROSSOVER_ARGO_NODE": "{{node.name}}"}, "CROSSOVER_ARGO_NODE: still holds an Argo variable"),
        (["--argo-retries", "-1"], {}, "--argo-retries"),
        (["--argo-retries", "many"], {}, "--argo-retries: must be a number"),
        (["--scope", "pod"], {}, "--scope: must be one of node, attempt"),
        (
            [],
            {"CROSSOVER_ON_CANCEL": "kill"},
            "CROSSOVER_ON_CANCEL: must be one of cancel, terminate, abandon",
        ),
        (["--on-sigterm", "ignore"], {}, "--on-sigterm: must be one of auto, cancel, detach"),
        (["--color", "blue"], {}, "--color: must be one of"),
        (["--execution-timeout", "soon"], {}, "--execution-timeout: is not a duration"),
        (["--execution-timeout", "0"], {}, "--execution-timeout: must be longer than zero"),
        (["--outage-budget", "inf"], {}, "--outage-budget: must be a finite duration"),
        (["--trace-id", "a b"], {}, "--trace-id: must be letters"),
        (["--input", "[1]"], {}, "--input: must be a JSON object"),
        (["--input", "{"], {}, "--input: is not JSON"),
        (["--input", '{"a": NaN}'], {}, "--input: is not JSON"),
        (["--input", '{"a": 1e999}'], {}, "--input: is not JSON"),
        (["--input", '{"a": 1, "a": 2}'], {}, "a key appears twice"),
        (["--input", "[" * 100_000], {}, "nested too deeply"),
        (["--input", "@/nowhere"], {}, "/nowhere cannot be read"),
        (["--input", "-"], {}, "--input: is not JSON"),
        (["--input-param", "novalue"], {}, "write key=value"),
        (["--output", "rows"], {}, "write name=/pointer"),
        (["--output", "rows=counts"], {}, "write name=/pointer"),
        (["--output", "../x=/rows"], {}, "cannot be the name of a file"),
        ([], {"CROSSOVER_OUTPUTS": "a=/a,..=/b"}, "CROSSOVER_OUTPUTS: '..' cannot be the name"),
        (["--output", "result=/rows"], {}, "use another name"),
        (["--token-file", "/nowhere"], {}, "/nowhere cannot be read"),
        (["--token-file", "/dev/null"], {}, "--token-file: /dev/null is empty"),
        (["--ca-file", "/nowhere"], {}, "/nowhere cannot be read"),
        (["--ca-file", "/dev/null", "--url", "https://bridge"], {}, "--ca-file: /dev/null"),
        (["--token", "secret"], {}, "unrecognized arguments"),
        (["--out", "x"], {}, "unrecognized arguments"),
        (["more"], {}, "unrecognized arguments"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_command_line_ends_with_2(
    tmp_path: Path, flags: list[str], env: dict[str, str], words: str
) -> None:
    ended = StepCommand("http://127.0.0.1:9", tmp_path, env=env).run(*flags)
    assert ended.code == 2, ended
    assert words in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_no_command_at_all_ends_with_2(tmp_path: Path) -> None:
    step = StepCommand("http://127.0.0.1:9", tmp_path)
    assert StepCommand(step.url, tmp_path, step.command[:-1]).run().code == 2


def test_everything_that_was_asked_is_in_the_start_request(bridge: FakeBridge, step: StepCommand) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ended = step.run(
        *("--app", "", "--workflow-type", "Extract", "--task-queue", "extract"),
        *("--execution-timeout", "90s", "--scope", "attempt", "--trace-id", "t-1"),
        *("--on-cancel", "terminate", "--cancel-grace", "1m", "--argo-retries", "2"),
        *("--input-param", "table=a=b", "--input-param", "note={{x}}"),
        *("--output", "rows=/counts/rows", "--output", "all="),
        plan={"table": "old", "result": {"counts": {"rows": 3}}},
        CROSSOVER_APP="",
        TRACEPARENT=trace,
    )
    assert ended.code == 0, ended
    assert started(bridge) == {
        "workflow_type": "Extract",
        "task_queue": "extract",
        "input": {"table": "a=b", "note": "{{x}}", "result": {"counts": {"rows": 3}}},
        "argo": {
            "namespace": "argo",
            "workflow": "wf-7",
            "uid": step.argo.uid,
            "node_name": "wf-7.extract",
            "retries": 2,
        },
        "trace_id": "t-1",
        "execution_timeout": 90.0,
        "on_cancel": "terminate",
        "cancel_grace": 60.0,
        "scope": "attempt",
        "outputs": {"rows": "/counts/rows", "all": ""},
    }
    headers = bridge.requests("POST /v1/runs")[0]["headers"]
    assert headers["traceparent"] == trace
    assert len(headers["idempotency-key"]) == 36


def test_every_variable_does_what_its_flag_does(bridge: FakeBridge, step: StepCommand) -> None:
    ended = step.run(
        CROSSOVER_INPUT='{"result": {"a": 1}}',
        CROSSOVER_INPUT_PARAMS="x=1,2\ny=3",
        CROSSOVER_OUTPUTS="a=/a, b=/a",
        CROSSOVER_EXECUTION_TIMEOUT="1m",
        CROSSOVER_ARGO_RETRIES="1",
    )
    assert ended.code == 0, ended
    body = started(bridge)
    assert body["app"] == "planned"
    assert body["input"] == {"result": {"a": 1}, "x": "1,2", "y": "3"}
    assert body["outputs"] == {"a": "/a", "b": "/a"}
    assert body["execution_timeout"] == 60
    assert body["argo"]["retries"] == 1


def test_the_flag_wins_over_its_variable(bridge: FakeBridge, step: StepCommand) -> None:
    assert step.run("--app", "flagged", plan={}, CROSSOVER_APP="variable").code == 0
    assert started(bridge)["app"] == "flagged"


def test_the_input_comes_from_a_file_or_from_stdin(
    bridge: FakeBridge, step: StepCommand, tmp_path: Path
) -> None:
    (tmp_path / "input.json").write_text('{"from": "file"}')
    assert step.run("--input", f"@{tmp_path}/input.json", "--argo-node", "a").code == 0
    assert started(bridge)["input"] == {"from": "file"}
    assert step.run("--input", "-", "--argo-node", "b", stdin='{"from": "stdin"}').code == 0
    assert started(bridge)["input"] == {"from": "stdin"}


@pytest.mark.parametrize("retries", ["", "{{retries}}"])
def test_retries_that_argo_did_not_fill_in_are_0(bridge: FakeBridge, step: StepCommand, retries: str) -> None:
    assert step.run(plan={}, CROSSOVER_ARGO_RETRIES=retries).code == 0
    assert started(bridge)["argo"]["retries"] == 0


def test_what_argo_puts_in_the_environment_is_used(bridge: FakeBridge, step: StepCommand) -> None:
    deadline = (datetime.now(UTC) + timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    ended = step.run(
        plan={},
        CROSSOVER_ARGO_WORKFLOW="",
        ARGO_WORKFLOW_NAME="wf-from-argo",
        ARGO_DEADLINE=deadline,
        ARGO_NODE_ID="wf-7-123",
        TRACEPARENT="nonsense\r\nX: y",
    )
    assert ended.code == 0, ended
    body = started(bridge)
    assert body["argo"]["workflow"] == "wf-from-argo"
    assert 580 < body["execution_timeout"] <= 600
    assert "wf-7-123" in ended.out
    assert "traceparent" not in bridge.requests("POST /v1/runs")[0]["headers"]


@pytest.mark.parametrize(
    ("flags", "deadline", "timeout"),
    [
        ([], "0001-01-01T00:00:00Z", None),
        ([], "nonsense", None),
        ([], "", None),
        ([], "2020-01-01T00:00:00Z", 1.0),
        (["--execution-timeout", "5m"], "2020-01-01T00:00:00Z", 300.0),
    ],
)
def test_the_time_left_until_argos_deadline_is_the_runs_longest_life(
    bridge: FakeBridge, step: StepCommand, flags: list[str], deadline: str, timeout: float | None
) -> None:
    assert step.run(*flags, plan={}, ARGO_DEADLINE=deadline).code == 0
    assert started(bridge).get("execution_timeout") == timeout


def test_the_namespace_comes_from_the_service_account(tmp_path: Path) -> None:
    file = tmp_path / "namespace"
    assert read_pod({}, file).namespace is None
    file.write_text("team-a\n")
    assert read_pod({}, file).namespace == "team-a"


def test_deadlines_are_read_as_go_writes_them() -> None:
    moment = datetime(2026, 11, 21, 10, 0, tzinfo=UTC).timestamp()
    for text in ("2026-11-21T10:00:00Z", "2026-11-21T11:00:00+01:00", "2026-11-21T10:00:00"):
        deadline = parse_deadline(text)
        assert deadline is not None
        assert deadline.at == moment
    precise = parse_deadline("2026-11-21T10:00:00.123456789Z")
    assert precise is not None
    assert precise.at == pytest.approx(moment + 0.123456)
