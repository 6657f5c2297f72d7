"""SIGTERM and Ctrl-C at every moment of a step's life."""

from __future__ import annotations

import json
import signal
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from crossover.cli.step.environment import Deadline
from crossover.cli.step.options import OnSigterm
from crossover.cli.step.stopping import Decision, decide
from tests.step.programs import FakeBridge, Json, Process, StepCommand, eventually

LONG: Json = {"seconds": 600}
START = "POST /v1/runs$"
STOPPED: Json = {"action": "cancel", "reason": "The workflow was stopped (spec.shutdown: Stop)."}


def in_(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def following(step: StepCommand, *flags: str, plan: Json = LONG, **env: str) -> Process:
    process = replace(step, env=env).start(*flags, plan=plan)
    process.wait_for("Running")
    return process


def bodies(bridge: FakeBridge, verb: str) -> list[Json]:
    return [json.loads(r["body"]) for r in bridge.requests("POST") if r["path"].endswith("/" + verb)]


def test_sigterm_of_a_drained_node_lets_go_of_the_run_with_75(bridge: FakeBridge, step: StepCommand) -> None:
    process = following(step, "--poll-wait", "60s")  # which is interrupted
    process.send(signal.SIGTERM)
    ended = process.end()
    assert ended.code == 75
    assert "the run goes on; a retried pod re-attaches" in ended.out
    assert bodies(bridge, "release") == [{"signal": "SIGTERM"}]
    assert bodies(bridge, "cancel") == []


def test_sigterm_of_a_stopped_workflow_sees_the_run_cancelled(bridge: FakeBridge, step: StepCommand) -> None:
    bridge.set(release=STOPPED)
    process = following(step, plan={**LONG, "cancel_takes": 1})
    process.send(signal.SIGTERM)
    ended = process.end()
    assert ended.code == 130
    assert "spec.shutdown" in ended.out
    assert bodies(bridge, "cancel") == [], "the bridge had already cancelled it"


def test_sigterm_at_argos_deadline_cancels_without_asking(bridge: FakeBridge, step: StepCommand) -> None:
    process = following(step, "--execution-timeout", "1h", ARGO_DEADLINE=in_(1))
    process.send(signal.SIGTERM)
    assert process.end().code == 130
    assert bodies(bridge, "release") == []
    assert "deadline" in bodies(bridge, "cancel")[0]["reason"]


def test_sigterm_before_argos_deadline_asks_and_tells_it(bridge: FakeBridge, step: StepCommand) -> None:
    deadline = in_(3600)
    process = following(step, ARGO_DEADLINE=deadline)
    process.send(signal.SIGTERM)
    assert process.end().code == 75
    assert bodies(bridge, "release") == [{"signal": "SIGTERM", "deadline": deadline}]


def test_sigterm_lets_go_when_told_to_without_asking(bridge: FakeBridge, step: StepCommand) -> None:
    process = following(step, "--on-sigterm", "detach")
    process.send(signal.SIGTERM)
    assert process.end().code == 75
    assert bodies(bridge, "release") == []


def test_sigterm_lets_go_when_the_bridge_cannot_be_asked(bridge: FakeBridge, step: StepCommand) -> None:
    process = following(step, "--stop-wait", "4s")
    bridge.kill()
    process.wait_for("the bridge is away")
    process.send(signal.SIGTERM)
    ended = process.end()
    bridge.start()
    assert ended.code == 75
    assert "detached" in ended.out


def test_sigterm_lets_go_when_the_bridge_hangs(bridge: FakeBridge, step: StepCommand) -> None:
    bridge.fault("POST .*/release", delay=600, times=99)
    process = following(step, "--stop-wait", "4s")
    process.send(signal.SIGTERM)
    assert process.end().code == 75


def test_a_release_that_the_bridge_refuses_lets_go(bridge: FakeBridge, step: StepCommand) -> None:
    process = following(step, "--poll-wait", "60s")
    bridge.fault(
        "POST .*/release", reply={"status": 404, "body": '{"type": "urn:crossover:error:not-found"}'}
    )
    process.send(signal.SIGTERM)
    assert process.end().code == 75


def test_a_run_that_does_not_end_in_time_is_left_ending_with_143(
    bridge: FakeBridge, step: StepCommand
) -> None:
    bridge.set(release=STOPPED)
    process = following(step, "--stop-wait", "6s", plan={**LONG, "cancel_takes": 600})
    process.send(signal.SIGTERM)
    ended = process.end()
    assert ended.code == 143
    assert "still ending" in ended.out


def test_with_on_cancel_abandon_nobody_waits_for_the_run(bridge: FakeBridge, step: StepCommand) -> None:
    bridge.set(release=STOPPED)
    process = following(step, "--on-cancel", "abandon", plan={**LONG, "cancel_takes": 600})
    process.send(signal.SIGTERM)
    assert process.end().code == 143


def test_a_run_that_ended_before_the_cancel_reached_it_keeps_its_own_code(
    bridge: FakeBridge, step: StepCommand
) -> None:
    body = '{"type": "urn:crossover:error:run-closed", "detail": "The run is over.", "exit_code": 1}'
    bridge.fault("POST .*/cancel", reply={"status": 409, "body": body})
    process = following(step, plan={"seconds": 5, "result": {"a": 1}})
    process.send(signal.SIGINT)
    assert process.end().code == 0
    assert step.output("a") == "1"


def test_a_cancel_whose_reply_is_lost_is_repeated(bridge: FakeBridge, step: StepCommand) -> None:
    bridge.fault("POST .*/cancel", drop="after", times=2)
    process = following(step)
    process.send(signal.SIGINT)
    assert process.end().code == 130


def test_ctrl_c_without_a_bridge_says_that_the_run_was_not_cancelled(
    bridge: FakeBridge, step: StepCommand
) -> None:
    process = following(step, "--stop-wait", "2s")
    bridge.kill()
    process.send(signal.SIGINT)
    ended = process.end()
    bridge.start()
    assert ended.code == 130
    assert "cannot be reached to cancel" in ended.out


def test_a_second_ctrl_c_leaves_at_once(bridge: FakeBridge, step: StepCommand) -> None:
    process = following(step, plan={**LONG, "cancel_takes": 600})
    process.send(signal.SIGINT)
    process.wait_for("cancel")
    process.send(signal.SIGINT)
    assert process.end().code == 130


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_before_anything_was_sent_starts_nothing(
    bridge: FakeBridge, step: StepCommand, number: signal.Signals, code: int
) -> None:
    bridge.kill()
    process = step.start(plan=LONG)
    process.wait_for("the bridge is away")
    process.send(number)
    ended = process.end()
    bridge.start()
    assert ended.code == code
    assert "before anything was started" in ended.out
    assert bridge.starts(step.argo) == 0


def test_a_signal_while_connecting_ends_the_step_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        address = deaf.getsockname()
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(address)
        process = StepCommand(f"http://127.0.0.1:{address[1]}", tmp_path).start(
            "--request-timeout", "60s", plan=LONG
        )
        connections = psutil.Process(process.pid).net_connections
        eventually(lambda: [each.status for each in connections()] == [psutil.CONN_SYN_SENT])
        process.send(signal.SIGTERM)
        ended = process.end()
        for filler in fillers:
            filler.close()
    assert ended.code == 143


@pytest.mark.parametrize(
    ("number", "release", "code", "cancelled"),
    [
        (signal.SIGTERM, STOPPED, 130, True),
        (signal.SIGTERM, None, 75, False),
        (signal.SIGINT, None, 130, True),
    ],
    ids=["stopped", "drained", "ctrl-c"],
)
def test_a_signal_while_the_start_is_under_way_finds_the_run_and_then_decides(
    bridge: FakeBridge, step: StepCommand, number: signal.Signals, release: Json, code: int, cancelled: bool
) -> None:
    bridge.set(release=release)
    bridge.fault(START, delay=1.5)
    process = step.start(plan=LONG)
    eventually(lambda: len(bridge.requests("POST /v1/runs")) == 1)
    process.send(number)
    assert process.end().code == code
    assert bridge.starts(step.argo) == 1
    (run,) = bridge.state()["runs"].values()
    assert (run["cancelled"] is not None) is cancelled


def test_a_signal_after_a_lost_start_with_the_bridge_away_lets_go(
    bridge: FakeBridge, step: StepCommand
) -> None:
    bridge.fault(START, drop="after", times=99)
    process = step.start("--stop-wait", "3s", plan=LONG)
    process.wait_for("the bridge is away")
    process.send(signal.SIGTERM)
    ended = process.end()
    assert ended.code == 75
    assert bridge.starts(step.argo) == 1


SOON, LATER = Deadline(101.0, "soon"), Deadline(110.0, "later")


@pytest.mark.parametrize(
    ("number", "on_sigterm", "deadline", "decision"),
    [
        (signal.SIGINT, OnSigterm.DETACH, None, Decision.CANCEL),
        (signal.SIGINT, OnSigterm.AUTO, LATER, Decision.CANCEL),
        (signal.SIGTERM, OnSigterm.CANCEL, LATER, Decision.CANCEL),
        (signal.SIGTERM, OnSigterm.DETACH, SOON, Decision.DETACH),
        (signal.SIGTERM, OnSigterm.AUTO, SOON, Decision.CANCEL),
        (signal.SIGTERM, OnSigterm.AUTO, LATER, Decision.ASK),
        (signal.SIGTERM, OnSigterm.AUTO, None, Decision.ASK),
    ],
)
def test_what_a_signal_means_at_second_100(
    number: int, on_sigterm: OnSigterm, deadline: Deadline | None, decision: Decision
) -> None:
    assert decide(number, on_sigterm, deadline, 100.0) is decision
