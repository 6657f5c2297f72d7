"""What a template's content says, and how it is told what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.argo.task import Workflow, is_ours, read_task
from crossover.contract.argo import node_id
from crossover.contract.run import ArgoNode, OnCancel, Scope
from crossover.errors import InvalidField

RECORDINGS = Path(__file__).parents[1] / "recordings"
WORKFLOW = Workflow("argo", "wf-1", "cc1001a5-beb9-479d-bc74-6509c2dfde02")


def template(**content: Any) -> dict[str, Any]:
    return {"name": "run", "plugin": {"crossover": {"app": "extractor", "node": "wf-1.extract", **content}}}


def test_a_template_is_ours_by_its_key_alone() -> None:
    assert is_ours(template())
    assert not is_ours({"plugin": {"hello": {}}})
    assert not is_ours({"http": {"url": "http://x"}})
    assert not is_ours({"plugin": "crossover"})


def test_everything_may_be_text_and_an_empty_text_is_nothing() -> None:
    content = {
        "input": '{"tables": 3}',
        "input_params": "schema=public\n\nempty=\nwith=a=b",
        "retries": "2",
        "trace_id": "",
        "scope": "attempt",
        "on_cancel": "terminate",
        "cancel_grace": "5s",
        "timeout": "10m",
        "outputs": "rows=/counts/rows\nall=",
        "decision": "",
    }
    request = read_task(WORKFLOW, template(**content)).request
    assert request.argo.node() == ArgoNode("argo", "wf-1", WORKFLOW.uid, "wf-1.extract", 2)
    assert request.input == {"tables": 3, "schema": "public", "empty": "", "with": "a=b"}
    assert (request.scope, request.on_cancel, request.cancel_grace) == (
        Scope.ATTEMPT,
        OnCancel.TERMINATE,
        5.0,
    )
    assert (request.trace_id, request.execution_timeout, request.decision) == (None, 600.0, None)
    assert request.outputs == {"rows": "/counts/rows", "all": ""}


def test_objects_may_be_objects() -> None:
    request = read_task(WORKFLOW, template(input={"a": [1]}, outputs={"rows": "/rows"}, retries=1)).request
    assert (request.input, request.outputs, request.argo.retries) == ({"a": [1]}, {"rows": "/rows"}, 1)


def test_without_a_retry_strategy_argo_leaves_the_variable_as_it_is() -> None:
    assert read_task(WORKFLOW, template(retries="{{retries}}")).request.argo.retries == 0


@pytest.mark.parametrize(
    ("own", "of_template", "seconds"),
    [("", None, None), ("1h", "5m", 300), ("1m", "5m", 60), ("", "90s", 90), ("", "0.2s", 1)],
)
def test_no_run_outlives_its_node(own: str, of_template: str | None, seconds: float | None) -> None:
    given = {**template(timeout=own), **({"timeout": of_template} if of_template else {})}
    assert read_task(WORKFLOW, given).request.execution_timeout == seconds


def test_what_the_template_promises_is_known() -> None:
    outputs = {"parameters": [{"name": "rows", "valueFrom": {"supplied": {}}}, {"name": "result"}, 7]}
    assert read_task(WORKFLOW, {**template(), "outputs": outputs}).declared == {"rows", "result"}


@pytest.mark.parametrize(
    ("content", "field", "words"),
    [
        ({"aap": "x"}, "aap", "is unknown; there are app, cancel_grace"),
        ({"app": ""}, "(body)", "name an `app`"),
        ({"input": "{"}, "input", "is not a JSON object"),
        ({"input": "[1]"}, "input", "must be a JSON object"),
        ({"input": '{"a": NaN}'}, "input", "is not a JSON object"),
        ({"input_params": "no equals"}, "input_params", "KEY=VALUE"),
        ({"input_params": 3}, "input_params", "KEY=VALUE"),
        ({"retries": "two"}, "retries", 'write "{{retries}}"'),
        ({"retries": True}, "retries", 'write "{{retries}}"'),
        ({"timeout": "soon"}, "timeout", "is not a duration"),
        ({"node": 7}, "node", 'write "{{node.name}}"'),
        ({"outputs": "rows"}, "outputs", "KEY=VALUE"),
        ({"outputs": "rows=counts"}, "outputs.rows", "JSON Pointer"),
        ({"scope": "workflow"}, "scope", "'node' or 'attempt'"),
        ({"trace_id": "a b"}, "trace_id", "so that log lines can carry it"),
        ({"decision": "no"}, "decision", "is not a JSON object"),
    ],
)
def test_what_is_wrong_is_named_as_the_author_knows_it(
    content: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InvalidField) as caught:
        read_task(WORKFLOW, template(**content))
    assert caught.value.field == f"plugin.crossover.{field}"
    assert words in caught.value.detail


def test_the_node_may_come_from_the_task_itself() -> None:
    content = {"plugin": {"crossover": {"app": "x"}}}
    assert read_task(WORKFLOW, content, node="wf-1-77").request.argo.node_name == "wf-1-77"
    with pytest.raises(InvalidField, match="is missing"):
        read_task(WORKFLOW, content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from(
    ["app", "input", "node", "retries", "timeout", "outputs", "scope", "input_params", "x"]
)


@given(JSON | st.dictionaries(KEYS, JSON, max_size=6), JSON, JSON)
def test_whatever_it_holds_is_read_or_refused_by_name(content: Any, outputs: Any, timeout: Any) -> None:
    given = {"plugin": {"crossover": content}, "outputs": outputs, "timeout": timeout}
    refusal = _refusal(given)
    assert refusal is None or (refusal.field and len(refusal.detail) < 2000)


def _refusal(template: dict[str, Any]) -> InvalidField | None:
    try:
        read_task(WORKFLOW, template)
    except InvalidField as error:
        return error
    return None


def test_node_ids_are_argos_own() -> None:
    """Ids recorded from Argo 4.1.2."""
    workflow = json.loads((RECORDINGS / "workflow-done.json").read_text())
    nodes = workflow["status"]["nodes"]
    assert len(nodes) > 1
    for found, node in nodes.items():
        assert node_id(workflow["metadata"]["name"], node["name"]) == found
