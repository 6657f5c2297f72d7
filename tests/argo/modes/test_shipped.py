"""What of the shipped templates the page of the modes relies on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.argo.modes.flow import MODES

ROOT = Path(__file__).parents[3] / "argo_templates"
TIMEOUT = "{{inputs.parameters.timeout}}"


def templates(mode: str) -> dict[str, dict[str, Any]]:
    """By name."""
    document = yaml.safe_load((ROOT / mode / "workflow-template.yaml").read_text())
    return {each["name"]: each for each in document["spec"]["templates"]}


@pytest.mark.parametrize("mode", ["step", "plugin", "agent"])
def test_the_parameter_timeout_is_argos_timeout(mode: str) -> None:
    assert templates(mode)["run"]["timeout"] == TIMEOUT


def test_the_parameter_timeout_is_the_runs_where_argo_watches_none() -> None:
    start = templates("callback")["start"]
    assert '"execution_timeout": {{=toJson(inputs.parameters.timeout)}}' in start["http"]["body"]


def test_a_suspended_node_has_no_duration_whose_end_argo_would_take_for_success() -> None:
    assert templates("callback")["wait"]["suspend"] == {}


@pytest.mark.parametrize("mode", MODES)
def test_all_outputs_are_parameters_which_is_what_argo_memoizes(mode: str) -> None:
    found = templates(mode)
    assert found["run"]["outputs"].keys() == {"parameters"}
    assert [name for name, each in found.items() if "memoize" in each] == []
