"""What the network, proxies and a bridge in trouble do to a step. These need the fake bridge."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from crossover.contract.run import ExitCode
from crossover.errors import TABLE, CrossoverError, Forbidden, NoAnswer, Unauthenticated, problem
from tests.step.programs import FakeBridge, Json, StepCommand, eventually

START = "POST /v1/runs$"
LOOK = "GET /v1/runs"
HTML: Json = {"Content-Type": "text/html"}


def reply(status: int, body: str = "<html><h1>Bad gateway</h1></html>", **headers: Any) -> Json:
    return {"status": status, "body": body, "headers": HTML | headers}


def problem_reply(error: CrossoverError) -> Json:
    content = problem(error)
    return {"status": content["status"], "body": json.dumps(content)}


@pytest.mark.parametrize("lost", ["before", "after", "mid-body"])
def test_however_the_start_reply_is_lost_exactly_one_run_is_started(
    bridge: FakeBridge, step: StepCommand, lost: str
) -> None:
    bridge.fault(START, drop=lost, times=3)
    ended = step.run(plan={"seconds": 0.2})
    requests = bridge.requests("POST /v1/runs")
    assert ended.code == 0, ended
    assert bridge.starts(step.argo) == 1
    assert len({(each["headers"]["idempotency-key"], each["body"]) for each in requests}) == 1
    assert [each["headers"].get("crossover-retry") for each in requests] == [None, "1", "1", "1"]


def test_a_start_that_was_never_sent_is_not_called_a_repeat(bridge: FakeBridge, step: StepCommand) -> None:
    bridge.kill()
    process = step.start(plan={})
    process.wait_for("the bridge is away")
    bridge.start()
    assert process.end().code == 0
    assert [r["headers"].get("crossover-retry") for r in bridge.requests("POST /v1/runs")] == [None]


def test_a_start_that_is_handled_long_after_it_was_given_up_is_no_second_start(
    bridge: FakeBridge, step: StepCommand
) -> None:
    bridge.fault(START, delay=2.5)
    ended = step.run("--request-timeout", "1s", plan={"seconds": 3})
    assert ended.code == 0
    assert bridge.starts(step.argo) == 1


@pytest.mark.parametrize("drop", ["before", "after", "mid-body"])
def test_lost_looks_are_repeated(bridge: FakeBridge, step: StepCommand, drop: str) -> None:
    bridge.fault(LOOK, drop=drop, times=3)
    assert step.run(plan={"seconds": 0.5, "result": {"a": 1}}).code == 0
    assert step.output("a") == "1"


FOREIGN = [
    reply(502),
    reply(503),
    reply(404),
    reply(403, "RBAC: access denied"),
    reply(301, "", Location="https://login.test/"),
    reply(200, "<html>welcome</html>"),
    reply(200, "{}"),
    reply(200, '["a list"]'),
    reply(200, "[" * 100_000),
    reply(200, '{"id": 7, "phase": "Succeeded", "exit_code": 0}'),
    reply(200, "\x00\x1b[2J"),
    reply(404, '{"detail": "Not Found"}'),
    problem_reply(NoAnswer("Temporal did not answer.")),
    {"status": 429, "body": '{"type": "urn:crossover:error:busy", "retryable": true, "exit_code": 75}'},
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda each: f"{each['status']} {each['body'][:20]!r}")
def test_what_is_not_the_bridges_own_verdict_does_not_end_a_start(
    bridge: FakeBridge, step: StepCommand, foreign: Json
) -> None:
    bridge.fault(START, reply=foreign)
    ended = step.run(plan={})
    assert ended.code == 0, ended
    assert "the bridge is away" in ended.out
    assert "\x1b" not in ended.out


@pytest.mark.parametrize("foreign", FOREIGN[2::3], ids=lambda each: f"{each['status']} {each['body'][:20]!r}")
def test_what_is_not_the_bridges_own_verdict_does_not_end_the_waiting(
    bridge: FakeBridge, step: StepCommand, foreign: Json
) -> None:
    bridge.fault(LOOK, reply=foreign)
    ended = step.run(plan={"seconds": 0.2})
    assert ended.code == 0, ended
    assert "the bridge is away" in ended.out


def test_retry_after_is_obeyed(bridge: FakeBridge, step: StepCommand) -> None:
    bridge.fault(START, reply=reply(503, "{}", **{"Retry-After": 2}))
    ended = step.run(plan={})
    assert ended.code == 0
    assert ended.took >= 2


def test_a_retry_after_beyond_the_budget_does_not_outlast_it(bridge: FakeBridge, step: StepCommand) -> None:
    bridge.fault(START, reply=reply(503, "{}", **{"Retry-After": 86400}), times=99)
    ended = step.run(plan={}, CROSSOVER_OUTAGE_BUDGET="1s")
    assert ended.code == 75


def test_a_bridge_that_accepts_and_never_answers_counts_as_away(
    bridge: FakeBridge, step: StepCommand
) -> None:
    bridge.fault(START, delay=600, times=99)
    ended = step.run("--request-timeout", "1s", plan={}, CROSSOVER_OUTAGE_BUDGET="2s")
    assert ended.code == 75
    assert "did not answer in time" in ended.out


@pytest.mark.parametrize("error", [each for each in TABLE if TABLE[each].plugin == "failed"])
def test_every_final_problem_of_the_table_ends_the_step_with_its_exit_code(
    bridge: FakeBridge, step: StepCommand, error: type[CrossoverError]
) -> None:
    bridge.fault(START, reply=problem_reply(error("This cannot be.", field="argo.uid")), times=9)
    ended = step.run(plan={})
    assert ended.code == TABLE[error].exit_code
    assert "This cannot be. (field argo.uid)" in ended.out


def test_a_refusal_that_claims_exit_code_0_is_a_failure_all_the_same(
    bridge: FakeBridge, step: StepCommand
) -> None:
    bridge.fault(START, reply={"status": 400, "body": '{"type": "urn:crossover:error:x", "exit_code": 0}'})
    assert step.run(plan={}).code == ExitCode.FAILED


def test_a_run_that_is_gone_ends_the_step_with_1(bridge: FakeBridge, step: StepCommand) -> None:
    process = step.start("--poll-wait", "1s", plan={"seconds": 60})
    process.wait_for("Running")
    bridge.set(runs={})
    ended = process.end()
    assert ended.code == 1
    assert "no such run" in ended.out


def test_a_token_that_rotates_in_the_middle_is_read_again(
    bridge: FakeBridge, step: StepCommand, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    # The kubelet is late: one look is refused before the file is another.
    bridge.fault(LOOK, reply=problem_reply(Unauthenticated("The token is not known.")))
    process = step.start("--token-file", str(file), "--poll-wait", "1s", plan={"seconds": 6})
    eventually(lambda: len(bridge.requests(LOOK)) > 0)
    file.write_text("second\n")
    ended = process.end()
    assert ended.code == 0, ended
    looks = [each["headers"]["authorization"] for each in bridge.requests(LOOK)]
    assert (looks[0], looks[-1]) == ("Bearer first", "Bearer second")
    assert "first" not in ended.out + ended.err
    assert "second" not in ended.out + ended.err


def test_a_token_that_stays_unknown_ends_the_step_with_77(
    bridge: FakeBridge, step: StepCommand, tmp_path: Path
) -> None:
    bridge.set(token="right")
    file = tmp_path / "token"
    file.write_text("wrong-token")
    ended = step.run("--token-file", str(file), plan={})
    assert ended.code == 77
    assert "wrong-token" not in ended.out + ended.err
    assert len(bridge.requests("POST /v1/runs")) == 3


def test_what_the_tenant_may_not_run_ends_the_step_with_77(step: StepCommand) -> None:
    assert step.run(plan={}, CROSSOVER_APP="forbidden").code == 77


def test_a_result_of_megabytes_arrives_whole(step: StepCommand) -> None:
    big = "é" * 3_000_000
    assert step.run("--input", "-", stdin=json.dumps({"result": {"big": big}})).code == 0
    assert step.output("big") == big


def test_a_bridge_that_answers_at_once_instead_of_waiting_is_not_hammered(
    bridge: FakeBridge, step: StepCommand
) -> None:
    assert step.run("--poll-wait", "0", plan={"seconds": 3}).code == 0
    assert len(bridge.requests("GET /v1/runs")) <= 6


def test_everything_is_asked_over_one_connection(bridge: FakeBridge, step: StepCommand) -> None:
    assert step.run("--poll-wait", "0", plan={"seconds": 6}).code == 0
    requests = bridge.requests("")
    assert len(requests) >= 3
    assert len({request["port"] for request in requests}) == 1


def test_a_kept_connection_that_was_closed_meanwhile_is_no_outage(
    bridge: FakeBridge, step: StepCommand
) -> None:
    bridge.fault(LOOK, drop="before")
    ended = step.run(plan={"seconds": 1})
    assert ended.code == 0
    assert "outage" not in ended.out


def test_a_url_with_a_path_is_kept(bridge: FakeBridge, step: StepCommand) -> None:
    bridge.fault("POST /bridge/v1/runs$", reply=problem_reply(Forbidden("Seen.")))
    assert "Seen." in step.run(plan={}, CROSSOVER_URL=f"{bridge.url}/bridge/").out
