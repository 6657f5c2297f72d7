"""What a suspend node is given of a run."""

from __future__ import annotations

import json
from typing import Any

from bridge.argo.callbacks.outcome import fill, outcome_of, without_outputs
from bridge.argo.node import OUTPUTS_LIMIT
from bridge.argo.server import Completion
from crossover.contract.run import Phase


def view(phase: str = "Succeeded", **changes: Any) -> dict[str, Any]:
    outputs = {"parameters": {"rows": "42"}, "result": {"rows": 42}} if phase == "Succeeded" else None
    exit_code = 0 if phase == "Succeeded" else 1
    return {
        "phase": phase,
        "message": "completed in 2s",
        "exit_code": exit_code,
        "outputs": outputs,
        **changes,
    }


def test_a_node_gets_the_outputs_that_it_declares() -> None:
    given = outcome_of(view(), {"rows": None, "result": None})
    assert given == Completion(Phase.SUCCEEDED, "completed in 2s", {"rows": "42", "result": '{"rows":42}'})


def test_a_node_that_declares_none_gets_none() -> None:
    assert outcome_of(view(), {}).outputs == {}


def test_the_view_is_an_output_of_failed_runs_too() -> None:
    given = outcome_of(view("Failed", message="ValueError: no"), {"view": None, "rows": None})
    assert (given.phase, given.message) == (Phase.FAILED, "ValueError: no")
    assert json.loads(given.outputs["view"])["phase"] == "Failed"
    assert given.outputs.keys() == {"view"}


def test_an_output_that_the_run_has_not_got_makes_an_error_that_names_it() -> None:
    given = outcome_of(view(), {"rows": None, "tables": None})
    assert given.phase is Phase.ERROR
    assert "no output tables" in given.message


def test_a_default_is_supplied_where_the_run_has_nothing() -> None:
    assert outcome_of(view(), {"rows": "0", "tables": "none"}).outputs == {"rows": "42", "tables": "none"}
    assert outcome_of(view("Failed"), {"rows": "0"}).outputs == {"rows": "0"}


def test_a_result_that_nobody_wants_may_be_of_any_size() -> None:
    huge = {"parameters": {"rows": "42"}, "result": "x" * OUTPUTS_LIMIT}
    assert outcome_of(view(outputs=huge), {"rows": None}).phase is Phase.SUCCEEDED
    assert outcome_of(view(outputs=huge), {"result": None}).phase is Phase.ERROR


def test_values_that_are_not_declared_are_left_out() -> None:
    assert fill({"a": "1", "b": "2"}, {"b": None, "c": None}) == {"b": "2"}


def test_a_node_whose_outputs_argo_refuses_says_so_and_is_an_error() -> None:
    given = without_outputs(Completion(Phase.SUCCEEDED, "done", {"rows": "42"}), "too large")
    assert (given.phase, given.outputs) == (Phase.ERROR, {})
    assert "too large" in given.message
    assert "Succeeded" in given.message
