"""What a real Argo 4.1.2 made of the templates, recorded: requests that the bridge understands.

Recorded with disableAgentPodCreation from the WorkflowTaskSet of a workflow whose tasks are in the file.
When a template's body changes, run that workflow again and record anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from argo_flow.graph.templates import Opaque
from argo_flow.parse import parse_texts
from bridge.argo.task import Workflow, read_task
from bridge.steps.request import StartRequest
from crossover.strict_json import parse_json

ROOT = Path(__file__).parents[2] / "argo_templates"
RECORDED = json.loads((Path(__file__).parent / "recordings" / "requests.json").read_text())
NOTE = RECORDED["note"]
"""A text with everything in it that would break a JSON that was put together carelessly."""


def sent(task: str) -> Any:
    """The body of the request of one task, as strictly as the bridge reads it."""
    (request,) = (each for each in RECORDED["requests"] if each["task"] == task)
    return parse_json(request["body"].encode())


@pytest.mark.parametrize("mode", ["callback", "approval"])
def test_the_recording_is_of_the_body_that_is_shipped(mode: str) -> None:
    (document,) = parse_texts({mode: (ROOT / mode / "workflow-template.yaml").read_text()}).documents
    raw = [each.body.raw.value for each in document.templates if isinstance(each.body, Opaque)]
    assert [each["body"] for each in raw if isinstance(each, dict)] == [RECORDED["templates"][mode]]


def test_an_input_arrives_as_it_was_written() -> None:
    request = StartRequest.model_validate(sent("raw"))
    assert request.app == 'a"b}}'
    assert request.input == {"n": 12345678901234567890, "s": 'q"uote'}
    assert request.argo.node_name.endswith(".raw")
    assert request.callback is not None
    assert (request.callback.input, request.callback.value) == ("run", None)
    assert (request.trace_id, request.decision, request.argo.retries) == (request.argo.workflow, None, 0)


def test_input_params_are_laid_over_the_input() -> None:
    first, second = NOTE.split("\n")
    key, _, value = second.partition("=")
    expected = {"n": 1, "s": 'q"uote', "note": first, key: value, "source": "a=b"}
    assert StartRequest.model_validate(sent("both")).input == expected


def test_an_approval_asks_for_what_its_parameters_say() -> None:
    body = sent("ask")
    argo = body.pop("argo")
    assert body == {
        "title": NOTE,
        "description": "",
        "details": {},
        "expires_in": "24h",
        "four_eyes": True,
    }
    assert argo["node_name"] == f"{argo['workflow']}.ask"
    assert set(argo) == {"namespace", "workflow", "uid", "node_name"}


def test_the_agents_task_is_one_that_the_bridge_reads() -> None:
    task = read_task(Workflow("tmpl", "tmpl-cb", "u"), RECORDED["agent"])
    first, second = NOTE.split("\n")
    key, _, value = second.partition("=")
    assert task.request.input == {"note": first, key.strip(): value}
    assert task.request.argo.node_name == "tmpl-cb.ag"
    assert task.request.execution_timeout == 8
    assert task.declared == {"result", "view"}
