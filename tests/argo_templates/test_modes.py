"""The modes beside one another: the same names, and retries that suit each."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from argo_flow.graph.bundle import Bundle
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.retries import Attempt, TryAgain, next_attempt
from argo_flow.graph.tags import map_texts, substitute
from argo_flow.graph.templates import RetryStrategy, Template
from argo_flow.parse import parse_texts

ROOT = Path(__file__).parents[2] / "argo_templates"
MODES = ("step", "callback", "plugin", "agent")
EXAMPLES = sorted(path.name for path in (ROOT / "examples").glob("*.yaml"))


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return parse_texts({str(path): path.read_text() for path in sorted(ROOT.rglob("*-template.yaml"))})


def template(shipped: Bundle, mode: str, name: str = "run") -> Template:
    return shipped.workflow_template(f"crossover-{mode}", cluster_scope=False).template(name)


def strategy(shipped: Bundle, mode: str, name: str = "run", *, run_retries: str = "0") -> RetryStrategy:
    found = template(shipped, mode, name).retry_strategy
    assert found is not None
    return map_texts(found, lambda text: substitute(text, {"inputs.parameters.run-retries": run_retries}))


@pytest.mark.parametrize("mode", MODES)
def test_changing_the_mode_is_changing_a_name(shipped: Bundle, mode: str) -> None:
    found, step = template(shipped, mode), template(shipped, "step")
    names = [each.name for each in step.inputs]
    without_bridge = [name for name in names if name != "bridge"]
    assert [each.name for each in found.inputs] in (names, without_bridge)
    assert [each.name for each in found.outputs] == ["result", "view"]
    defaults = {each.name: each.default for each in step.inputs}
    same = {each.name: each.default for each in found.inputs if each.name != "run-retries"}
    assert same.items() <= defaults.items()


def attempts(strategy: RetryStrategy, phase: NodePhase, message: str, code: str | None) -> int:
    """How often a node is tried that always ends in the same way."""
    number = 0
    ended = Attempt(number, phase, message, code, started=0, finished=1, first_started=0)
    while isinstance(next_attempt(strategy, ended), TryAgain):
        number += 1
        ended = Attempt(number, phase, message, code, started=0, finished=1, first_started=0)
    return number + 1


@pytest.mark.parametrize("mode", ["plugin", "agent"])
@pytest.mark.parametrize(
    ("phase", "code", "run_retries", "expected"),
    [
        (NodePhase.FAILED, "1", "0", 1),
        (NodePhase.FAILED, "1", "2", 3),
        (NodePhase.FAILED, "1", "9", 6),
        (NodePhase.FAILED, None, "2", 3),
        (NodePhase.ERROR, None, "0", 6),
        (NodePhase.ERROR, "75", "0", 6),
        (NodePhase.ERROR, "2", "2", 1),
        (NodePhase.ERROR, "77", "2", 1),
        (NodePhase.ERROR, "143", "2", 1),
        (NodePhase.FAILED, "124", "2", 1),
        (NodePhase.FAILED, "130", "2", 1),
        (NodePhase.FAILED, "143", "2", 1),
    ],
)
def test_a_node_without_a_pod_is_tried_again_only_where_that_helps(
    shipped: Bundle, mode: str, phase: NodePhase, code: str | None, run_retries: str, expected: int
) -> None:
    assert attempts(strategy(shipped, mode, run_retries=run_retries), phase, "", code) == expected


@pytest.mark.parametrize(("mode", "name"), [("callback", "start"), ("approval", "request")])
@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("received non-2xx response code: 503", 9),
        ("received non-2xx response code: 429", 9),
        ('Post "http://bridge/v1/runs": dial tcp: connection refused', 9),
        ("received non-2xx response code: 400", 1),
        ("received non-2xx response code: 403", 1),
        ("received non-2xx response code: 409", 1),
        ("received non-2xx response code: 422", 1),
    ],
)
def test_a_request_is_repeated_only_where_that_helps(
    shipped: Bundle, mode: str, name: str, message: str, expected: int
) -> None:
    assert attempts(strategy(shipped, mode, name), NodePhase.FAILED, message, None) == expected


@pytest.mark.parametrize(("run_retries", "expected"), [("0", 1), ("2", 3)])
def test_start_and_wait_are_tried_again_together(shipped: Bundle, run_retries: str, expected: int) -> None:
    found = strategy(shipped, "callback", run_retries=run_retries)
    assert attempts(found, NodePhase.FAILED, "child 'wf-1' failed", None) == expected
    assert template(shipped, "callback", "wait").retry_strategy is None


@pytest.mark.parametrize("example", EXAMPLES)
def test_argo_itself_accepts_the_example_and_the_templates(example: str, tmp_path: Path) -> None:
    folder = os.environ.get("ARGO_BIN")
    if not folder:
        pytest.skip("ARGO_BIN names no folder with Argo's own programs")
    if example == "crossover-or-legacy.yaml":
        pytest.skip("argo lint --offline cannot follow a templateRef that is a parameter")
    templates = [str(ROOT / mode / "workflow-template.yaml") for mode in (*MODES, "approval")]
    linted = subprocess.run(
        [Path(folder) / "argo", "lint", "--offline", "--no-color", ROOT / "examples" / example, *templates],
        capture_output=True,
        text=True,
        timeout=120,
        env={"HOME": str(tmp_path)},
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
