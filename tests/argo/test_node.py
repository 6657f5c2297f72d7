"""What Argo is told of a run."""

from __future__ import annotations

import json
from typing import Any

from bridge.argo.node import MESSAGE_LIMIT, OUTPUTS_LIMIT, node_of, refused
from crossover.errors import UnknownApp


def view(phase: str, **changes: Any) -> dict[str, Any]:
    links = {"logs": "http://logs.test/v1/logs/wf-1", "temporal": None, "self": "/v1/runs/x", "argo": None}
    plain: dict[str, Any] = {"message": "", "progress": None, "problems": [], "outputs": None, "links": links}
    plain["exit_code"] = None if phase in ("Pending", "Running") else 0
    return {"phase": phase, **plain, **changes}


def done(result: Any, **parameters: str) -> dict[str, Any]:
    return view("Succeeded", outputs={"parameters": parameters, "result": result})


def test_an_open_run_is_pending_whatever_it_does() -> None:
    """Argo's timeouts look at pending nodes only."""
    assert node_of(view("Running"), ())["phase"] == "Pending"
    assert node_of(view("Pending"), ())["phase"] == "Pending"


def test_its_message_is_its_progress_and_where_to_look() -> None:
    assert node_of(view("Running", progress="3/7 tables"), ())["message"] == (
        "3/7 tables · http://logs.test/v1/logs/wf-1"
    )
    problem = [{"code": "no-worker", "message": "no worker polls task queue pg"}]
    assert node_of(view("Pending", problems=problem), ())["message"].startswith("no worker polls")


def test_a_succeeded_run_brings_its_outputs() -> None:
    node = node_of(done({"rows": 7}, rows="7"), ())
    assert node["phase"] == "Succeeded"
    assert node["outputs"] == {
        "parameters": [{"name": "rows", "value": "7"}],
        "result": '{"rows":7}',
        "exitCode": "0",
    }


def test_only_what_the_template_promises_is_given() -> None:
    node = node_of(done({"rows": 7}, rows="7", more="x"), {"rows", "result", "view"})
    given = {each["name"]: each["value"] for each in node["outputs"]["parameters"]}
    assert set(given) == {"rows", "result", "view"}
    assert given["result"] == '{"rows":7}'
    assert json.loads(given["view"])["phase"] == "Succeeded"


def test_a_promise_that_the_run_does_not_keep_is_an_error_that_names_it() -> None:
    node = node_of(done({}), {"rows"})
    assert (node["phase"], "no output rows" in node["message"]) == ("Error", True)
    assert node["outputs"] == {"exitCode": "2"}


def test_outputs_that_no_node_can_hold_are_an_error_and_not_sent() -> None:
    node = node_of(done("x" * OUTPUTS_LIMIT), ())
    assert node["phase"] == "Error"
    assert node["outputs"] == {"exitCode": "2"}


def test_a_failed_run_fails_the_node_and_still_shows_its_view() -> None:
    node = node_of(view("Failed", message="m" * 5000, exit_code=124), {"view", "rows"})
    assert node["outputs"]["exitCode"] == "124"
    assert node["phase"] == "Failed"
    assert len(node["message"]) == MESSAGE_LIMIT
    assert [each["name"] for each in node["outputs"]["parameters"]] == ["view"]


def test_what_cannot_be_started_is_an_error() -> None:
    assert refused(UnknownApp("There is no app 'x'.")) == {
        "phase": "Error",
        "message": "not started: There is no app 'x'.",
        "outputs": {"exitCode": "2"},
    }
