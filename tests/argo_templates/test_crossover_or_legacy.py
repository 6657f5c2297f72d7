"""The template crossover-or-legacy, run by the local runner with the real step commands."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from argo_flow.graph.tags import map_texts
from argo_flow.local import LocalRunner, WorkflowResult
from argo_flow.local.settings import inherited
from argo_flow.parse import parse_texts
from bridge.flags.request import OutcomeRequest
from testbed.servers import PATIENCE, TemporalServer
from tests.step.programs import FakeBridge, Json
from tests.step.real_bridge import RealBridge, planned_worker

ROOT = Path(__file__).parents[2] / "argo_templates"
SHIPPED = ("step/workflow-template.yaml", "crossover-or-legacy/workflow-template.yaml")
EXAMPLE = "examples/crossover-or-legacy.yaml"

PATIENT = "60s"
"""As long as a step command tries on a machine that is slow, and for a shadow to end there."""

LEGACY = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: before}
spec:
  templates:
  - name: count
    inputs: {parameters: [{name: input}]}
    outputs: {parameters: [{name: result, valueFrom: {path: /tmp/legacy/result}}]}
    container:
      image: any
      command: [sh, -c]
      args: ['mkdir -p /tmp/legacy && echo "{\\"rows\\": 3}" > /tmp/legacy/result && exit EXIT']
"""

WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: wf}
spec:
  entrypoint: main
  arguments: {parameters: [{name: input}]}
  templates:
  - name: main
    dag:
      tasks:
      - name: extract
        templateRef: {name: crossover-or-legacy, template: run}
        arguments:
          parameters:
          - {name: app, value: planned}
          - {name: legacy, value: before}
          - {name: legacy-template, value: count}
          - {name: input, value: "{{workflow.parameters.input}}"}
          - {name: shadow-input-params, value: output=/shadow}
          - {name: shadow-wait, value: SHADOW_WAIT}
"""


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[FakeBridge]:
    bridge = FakeBridge(tmp_path / "bridge.json")
    bridge.start()
    yield bridge
    bridge.kill()


class Flow:
    """One workflow that calls the template; `extract` is the node that does."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._folder = folder

    async def run(
        self, plan: Json, *, legacys_exit: int = 0, shadow_wait: str = PATIENT, budget: str = PATIENT
    ) -> WorkflowResult:
        """`shadow_wait` and `budget` are short where what they wait for never comes."""
        texts = {name: (ROOT / name).read_text() for name in SHIPPED}
        texts["legacy.yaml"] = LEGACY.replace("EXIT", str(legacys_exit))
        texts["wf.yaml"] = WORKFLOW.replace("SHADOW_WAIT", shadow_wait)
        return await self._run(texts, {"input": json.dumps(plan)}, budget)

    async def example(self, source: str) -> WorkflowResult:
        texts = {name: (ROOT / name).read_text() for name in (*SHIPPED, EXAMPLE)}
        return await self._run(texts, {"source": source, "output": "/out"}, PATIENT)

    async def _run(self, texts: dict[str, str], parameters: dict[str, str], budget: str) -> WorkflowResult:
        quick = map_texts(parse_texts(texts), lambda text: "100ms" if text in ("5s", "2s") else text)
        given = {"CROSSOVER_URL": self._url, "CROSSOVER_TOKEN_FILE": "", "CROSSOVER_BUDGET": budget}
        runner = LocalRunner(self._folder / "runs", environment=inherited(), overrides=given)
        return await runner.run(quick, parameters=parameters)


def starts(bridge: FakeBridge) -> list[Json]:
    posts = bridge.requests("POST /v1/runs")
    return [json.loads(each["body"]) for each in posts if each["path"] == "/v1/runs"]


def told(bridge: FakeBridge) -> dict[str, OutcomeRequest]:
    """What was told, by side, as the bridge reads it."""
    found = [OutcomeRequest.model_validate(each) for each in bridge.state()["outcomes"]]
    return {each.side.value: each for each in found}


def phases_told(bridge: FakeBridge) -> dict[str, str]:
    return {side: each.phase for side, each in told(bridge).items()}


@pytest.fixture
def flow(bridge: FakeBridge, tmp_path: Path) -> Flow:
    return Flow(bridge.url, tmp_path)


def ran(result: WorkflowResult) -> dict[str, str]:
    """The phases of the template's tasks."""
    prefix = f"{result.name}.extract."
    tasks = {node.name.removeprefix(prefix): node.phase.value for node in result.nodes.values()}
    return {name: phase for name, phase in tasks.items() if not set(name) & set(".[(")}


def outputs(result: WorkflowResult) -> dict[str, str]:
    (node,) = (node for node in result.nodes.values() if node.name == f"{result.name}.extract")
    return node.outputs.parameters


async def test_a_node_decided_crossover_is_a_run_and_its_result_counts(
    bridge: FakeBridge, flow: Flow
) -> None:
    bridge.set(variant="crossover")
    result = await flow.run({"seconds": 0.1, "result": {"rows": 7}})
    assert (result.phase, json.loads(outputs(result)["result"])) == ("Succeeded", {"rows": 7})
    assert (ran(result)["legacy"], ran(result)["shadow"]) == ("Skipped", "Skipped")
    assert phases_told(bridge) == {"crossover": "Succeeded"}


async def test_decision_and_run_go_by_the_name_of_the_node_that_calls(bridge: FakeBridge, flow: Flow) -> None:
    bridge.set(variant="crossover")
    result = await flow.run({"result": {}})
    (run,) = starts(bridge)
    decision = json.loads(outputs(result)["decision"])
    assert run["argo"]["node_name"] == decision["argo"]["node_name"] == "wf.extract"
    assert run["decision"] == decision


async def test_a_failed_run_fails_the_step_and_is_told(bridge: FakeBridge, flow: Flow) -> None:
    bridge.set(variant="crossover")
    result = await flow.run({"fail": {}})
    assert result.phase == "Failed"
    assert ran(result)["crossover-outcome"] == "Succeeded"
    assert phases_told(bridge) == {"crossover": "Failed"}
    assert {run["argo"]["node_name"] for run in starts(bridge)} == {"wf.extract"}
    assert [run["argo"]["retries"] for run in starts(bridge)] == [0, 1, 2]


async def test_a_node_decided_legacy_starts_no_run(bridge: FakeBridge, flow: Flow) -> None:
    result = await flow.run({})
    assert (result.phase, json.loads(outputs(result)["result"])) == ("Succeeded", {"rows": 3})
    assert starts(bridge) == []
    assert phases_told(bridge) == {"legacy": "Succeeded"}


async def test_a_failed_legacy_fails_the_step_and_is_told(bridge: FakeBridge, flow: Flow) -> None:
    result = await flow.run({}, legacys_exit=3)
    assert result.phase == "Failed"
    assert phases_told(bridge) == {"legacy": "Failed"}


@pytest.mark.parametrize(("rows", "same"), [(3, True), (4, False)])
async def test_a_shadow_runs_beside_legacy_and_is_compared(
    bridge: FakeBridge, flow: Flow, rows: int, same: bool
) -> None:
    bridge.set(variant="shadow")
    result = await flow.run({"seconds": 0.2, "result": {"rows": rows}})
    shadow = told(bridge)["shadow"]
    assert (result.phase, json.loads(outputs(result)["result"])) == ("Succeeded", {"rows": 3})
    assert phases_told(bridge) == {"legacy": "Succeeded", "shadow": "Succeeded"}
    assert shadow.compare_with == {"rows": 3}
    assert (shadow.outputs == shadow.compare_with) is same
    (run,) = starts(bridge)
    assert run["input"]["output"] == "/shadow"


@pytest.mark.parametrize("plan", [{"fail": {}}, {"seconds": 600}], ids=["fails", "never ends"])
async def test_a_bad_shadow_never_touches_the_step(bridge: FakeBridge, flow: Flow, plan: Json) -> None:
    bridge.set(variant="shadow")
    result = await flow.run(plan, shadow_wait="4s")
    assert (result.phase, json.loads(outputs(result)["result"])) == ("Succeeded", {"rows": 3})


async def test_a_shadow_that_cannot_be_started_never_touches_the_step(bridge: FakeBridge, flow: Flow) -> None:
    bridge.set(variant="shadow")
    bridge.fault("POST /v1/runs", times=99, reply={"status": 502, "body": "a proxy's page"})
    result = await flow.run({}, budget="1s")
    assert (result.phase, json.loads(outputs(result)["result"])) == ("Succeeded", {"rows": 3})
    assert phases_told(bridge) == {"legacy": "Succeeded"}


async def test_an_outcome_that_cannot_be_told_never_touches_the_step(bridge: FakeBridge, flow: Flow) -> None:
    bridge.fault("POST /v1/outcomes", times=99, reply={"status": 502, "body": "a proxy's page"})
    assert (await flow.run({}, budget="1s")).phase == "Succeeded"


async def test_without_a_bridge_legacy_runs(bridge: FakeBridge, flow: Flow) -> None:
    bridge.set(variant="crossover")
    bridge.kill()
    result = await flow.run({}, budget="1s")
    bridge.start()
    assert (result.phase, json.loads(outputs(result)["result"])) == ("Succeeded", {"rows": 3})
    assert json.loads(outputs(result)["decision"])["reason"] == "ERROR"


@pytest.mark.parametrize("variant", ["legacy", "crossover"])
async def test_the_example_runs_either_way(
    bridge: FakeBridge, flow: Flow, tmp_path: Path, variant: str
) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table orders (id)")
    database.close()
    bridge.set(variant=variant)
    result = await flow.example(f"sqlite:///{tmp_path / 'shop.db'}")
    said = {node.display_name: node.outputs.result or "" for node in result.nodes.values()}
    assert result.phase == "Succeeded"
    assert said["report"].startswith('{"counts": {"tables": 1}' if variant == "legacy" else "null by")


@pytest.mark.parametrize(
    ("variant", "rows", "sides"),
    [("legacy", 3, {"legacy"}), ("crossover", 7, {"crossover"}), ("shadow", 3, {"legacy", "shadow"})],
)
async def test_it_runs_on_a_real_bridge_and_a_real_temporal(
    temporal: TemporalServer, tmp_path: Path, variant: str, rows: int, sides: set[str]
) -> None:
    bridge = RealBridge(temporal.address, tmp_path, variant)
    with planned_worker(temporal.address):
        bridge.start()
        result = await Flow(bridge.url, tmp_path).run({"seconds": 0.1, "result": {"rows": rows}})
        async with httpx.AsyncClient(base_url=bridge.url, timeout=PATIENCE) as client:
            outcomes = (await client.get("/v1/outcomes")).json()["outcomes"]
        bridge.kill()
    assert (result.phase, json.loads(outputs(result)["result"])) == ("Succeeded", {"rows": rows})
    assert {each["side"] for each in outcomes} == sides
    assert {each["matches"] for each in outcomes if each["side"] == "shadow"} <= {True}
