"""What we ship to be applied: it parses, it refers to what exists, and it runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from argo_flow.graph.bundle import Bundle
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.retries import Attempt, TryAgain, next_attempt
from argo_flow.graph.tags import map_texts, substitute
from argo_flow.graph.templates import Container, RetryStrategy, Script
from argo_flow.local import LocalRunner
from argo_flow.local.settings import inherited
from argo_flow.parse import parse_texts
from crossover.cli.step.settings import COMMANDS
from crossover.contract.run import ExitCode

ROOT = Path(__file__).parents[2] / "argo_templates"
README = (ROOT / "README.md").read_text()
OURS = ("crossover-step", "crossover-or-legacy")
FILES = sorted(ROOT.rglob("*.yaml"))


@pytest.fixture(scope="module")
def shipped() -> Bundle:
    return parse_texts({str(path.relative_to(ROOT)): path.read_text() for path in FILES})


def step_containers(shipped: Bundle) -> dict[str, Container]:
    """The containers that run `crossover step`, by template."""
    homes = [shipped.workflow_template(name, cluster_scope=False) for name in OURS]
    templates = [template for home in homes for template in home.templates]
    return {each.name: each.body for each in templates if isinstance(each.body, Container)}


def test_no_image_names_a_registry(shipped: Bundle) -> None:
    bodies = [template.body for document in shipped.documents for template in document.templates]
    containers = [body.container if isinstance(body, Script) else body for body in bodies]
    images = {container.image for container in containers if isinstance(container, Container)}
    assert images == {"crossover:latest"}


def test_every_variable_of_a_step_container_is_one_that_its_command_reads(shipped: Bundle) -> None:
    containers = step_containers(shipped)
    assert set(containers) == {"run", "decide", "start-shadow", "tell-outcome"}
    for container in containers.values():
        program, step, name = container.command
        (command,) = (each for each in COMMANDS if each.name == name)
        known = {setting.environment for setting in command.settings.values()}
        assert (program, step) == ("crossover", "step")
        assert {variable.name for variable in container.env} <= known


@pytest.mark.parametrize("name", ["run", "decide", "start-shadow", "tell-outcome"])
def test_a_step_container_is_hardened_and_bounded(shipped: Bundle, name: str) -> None:
    extra = step_containers(shipped)[name].extra
    security = extra["securityContext"].value
    assert isinstance(security, dict)
    assert security["runAsNonRoot"] is True
    assert security["readOnlyRootFilesystem"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["capabilities"] == {"drop": ["ALL"]}
    resources = extra["resources"].value
    assert isinstance(resources, dict)
    assert set(resources) == {"requests", "limits"}


def test_step_pods_get_the_executors_rights_and_no_others() -> None:
    documents = list(yaml.safe_load_all((ROOT / "rbac.yaml").read_text()))
    assert {document["kind"] for document in documents} == {"ServiceAccount", "Role", "RoleBinding"}
    (role,) = (document for document in documents if document["kind"] == "Role")
    assert role["rules"] == [
        {"apiGroups": ["argoproj.io"], "resources": ["workflowtaskresults"], "verbs": ["create", "patch"]}
    ]


def test_the_readme_lists_every_exit_code_and_only_those() -> None:
    section = README.split("## Exit codes")[1]
    rows = re.findall(r"^\| (\d+) \| (.+?) \| (.*?)\|$", section, re.MULTILINE)
    assert [int(code) for code, _, _ in rows] == [code.value for code in ExitCode]


@pytest.mark.parametrize(
    ("name", "heading"),
    [
        ("crossover-step", "## Use"),
        ("crossover-or-legacy", "## Crossover or legacy"),
        ("crossover-approval", "## Approval"),
    ],
)
def test_the_readme_lists_the_templates_parameters_with_their_defaults(
    shipped: Bundle, name: str, heading: str
) -> None:
    template = shipped.workflow_template(name, cluster_scope=False).templates[0]
    section = README.split(heading)[1].split("\n## ")[0].split("| parameter")[1].split("| output")[0]
    rows = re.findall(r"^\| `([\w-]+)` \| (?:`([^`]+)`)?", section, re.MULTILINE)
    assert rows == [(parameter.name, parameter.default or "") for parameter in template.inputs]


def strategy(shipped: Bundle, run_retries: str) -> RetryStrategy:
    template = shipped.workflow_template("crossover-step", cluster_scope=False).template("run")
    assert template.retry_strategy is not None
    variables = {"inputs.parameters.run-retries": run_retries}
    return map_texts(template.retry_strategy, lambda text: substitute(text, variables))


@pytest.mark.parametrize(
    ("exit_code", "run_retries", "attempts"),
    [
        ("1", "0", 1),
        ("1", "2", 3),
        ("1", "9", 6),
        ("75", "0", 6),
        (None, "0", 6),
        ("64", "0", 6),
        ("137", "0", 6),
        ("2", "2", 1),
        ("77", "2", 1),
        ("124", "2", 1),
        ("130", "2", 1),
        ("143", "2", 1),
    ],
)
def test_the_step_is_tried_again_only_where_that_helps(
    shipped: Bundle, exit_code: str | None, run_retries: str, attempts: int
) -> None:
    number = 0
    while isinstance(
        next_attempt(
            strategy(shipped, run_retries),
            Attempt(number, NodePhase.FAILED, "", exit_code, started=0, finished=1, first_started=0),
        ),
        TryAgain,
    ):
        number += 1
    assert number + 1 == attempts


def test_the_readme_shows_the_expression_that_is_shipped(shipped: Bundle) -> None:
    shown = yaml.safe_load(README.split("## Exit codes")[1].split("```yaml")[1].split("```")[0])["expression"]
    template = shipped.workflow_template("crossover-step", cluster_scope=False).template("run")
    assert template.retry_strategy is not None
    assert shown == template.retry_strategy.expression


FAKE_STEP = """#!/bin/sh
test "$1 $2" = "step run" || exit 2
test "$CROSSOVER_ARGO_RETRIES" -ge 1 || exit 75
printf '%s\\n' "$CROSSOVER_APP" "$CROSSOVER_INPUT_PARAMS" "$CROSSOVER_ARGO_NODE"
mkdir -p "$CROSSOVER_OUTPUTS_DIR" "$(dirname "$CROSSOVER_VIEW_FILE")"
echo '{}' > "$CROSSOVER_VIEW_FILE"
printf '{"counts": {"tables": 3}, "output": "/out", "entities": ENTITIES}' > "$CROSSOVER_OUTPUTS_DIR/result"
"""


@pytest.mark.parametrize(
    ("entities", "ran", "left_out"), [(12, "report", "report-nothing"), (0, "report-nothing", "report")]
)
async def test_the_example_runs_and_reports_what_the_run_found(
    tmp_path: Path, shipped: Bundle, entities: int, ran: str, left_out: str
) -> None:
    fake = tmp_path / "bin" / "crossover"
    fake.parent.mkdir()
    fake.write_text(FAKE_STEP.replace("ENTITIES", str(entities)))
    fake.chmod(0o755)
    environment = inherited()
    environment["PATH"] = f"{fake.parent}:{environment['PATH']}"
    without_wait = {"CROSSOVER_TOKEN_FILE": ""}
    runner = LocalRunner(tmp_path / "runs", environment=environment, overrides=without_wait)
    given = {"source": "sqlite:///x/shop.db", "output": "/out"}
    result = await runner.run(quick(shipped), "metadata-extraction-", parameters=given)
    nodes = {node.display_name: node for node in result.nodes.values()}
    assert result.phase == "Succeeded"
    assert nodes["prepare"].outputs.parameters == {"connection": "shop"}
    assert nodes["extract(0)"].phase == "Failed"
    assert (nodes["extract(1)"].outputs.result or "").splitlines() == [
        "metadata-extractor",
        "source=sqlite:///x/shop.db",
        f"output=/out/{result.name}",
        "connection=shop",
        f"{result.name}.extract",
    ]
    assert nodes[ran].phase == "Succeeded"
    assert nodes[left_out].phase == "Skipped"


def quick(shipped: Bundle) -> Bundle:
    """The bundle with a backoff that a test can wait for."""
    return map_texts(shipped, lambda text: "100ms" if text == "5s" else text)
