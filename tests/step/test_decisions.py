"""A decided node from its decision to its outcome: one suite, for the fake and for the real bridge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from testbed.servers import TemporalServer
from tests.step.programs import Bridge, Ended, FakeBridge, Json, StepCommand
from tests.step.real_bridge import RealBridge, planned_worker

PLAN: Json = {"seconds": 0.2, "result": {"rows": 3}}


@pytest.fixture(scope="module")
def worker(temporal: TemporalServer) -> Iterator[str]:
    """Temporal's address, once a worker is there for the runs."""
    with planned_worker(temporal.address):
        yield temporal.address


class Node:
    """One Argo node and its three commands, on a bridge that decides every node the same way."""

    def __init__(self, step: StepCommand) -> None:
        self._step = step

    def decide(self) -> str:
        assert self._command("decide").run().code == 0
        return self._step.output("variant")

    def run(self, *flags: str) -> Ended:
        return self._command("run").run("--decision", self._step.output("decision"), *flags, plan=PLAN)

    def outcome(self, side: str, *flags: str) -> Ended:
        decision = self._step.output("decision")
        return self._command("outcome").run("--decision", decision, "--side", side, *flags)

    def output(self, name: str) -> Json:
        found: Json = json.loads(self._step.output(name))
        return found

    def _command(self, name: str) -> StepCommand:
        return replace(self._step, command=(*self._step.command[:-1], name))


@pytest.fixture(params=["fake", "real"])
def node(request: pytest.FixtureRequest, variant: str, tmp_path: Path, worker: str) -> Iterator[Node]:
    bridge: Bridge
    if request.param == "real":
        bridge = RealBridge(worker, tmp_path, variant)
        bridge.start()
    else:
        bridge = fake = FakeBridge(tmp_path / "bridge.json")
        fake.start()
        fake.set(variant=variant)
    yield Node(StepCommand(bridge.url, tmp_path))
    bridge.kill()


@pytest.mark.parametrize("variant", ["crossover"])
def test_a_node_decided_crossover_runs_and_is_told(node: Node) -> None:
    assert node.decide() == "crossover"
    assert node.run().code == 0
    assert node.output("result") == {"rows": 3}
    ended = node.outcome("crossover")
    assert (ended.code, "told      crossover Succeeded after" in ended.out) == (0, True), ended


@pytest.mark.parametrize("variant", ["crossover"])
def test_a_node_that_has_run_keeps_its_decision(node: Node) -> None:
    node.decide()
    decision = node.output("decision")
    node.run()
    assert node.decide() == "crossover"
    assert node.output("decision") == decision


@pytest.mark.parametrize("variant", ["shadow"])
@pytest.mark.parametrize(
    ("legacys", "said"),
    [('{"rows": 3}', "its outputs are legacy's"), ('{"rows": 4}', "differ from legacy's")],
)
def test_a_shadow_is_started_and_left_and_then_compared(node: Node, legacys: str, said: str) -> None:
    assert node.decide() == "shadow"
    assert node.run("--until", "start").code == 0
    ended = node.outcome("shadow", "--wait", "20s", "--compare-with", legacys)
    assert (ended.code, said in ended.out) == (0, True), ended


@pytest.mark.parametrize("variant", ["legacy"])
def test_a_node_decided_legacy_is_told_as_argo_says(node: Node) -> None:
    assert node.decide() == "legacy"
    ended = node.outcome("legacy", "--phase", "Failed", "--duration", "12s")
    assert (ended.code, "told      legacy Failed after 12s" in ended.out) == (0, True), ended
