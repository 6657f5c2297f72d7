"""What others may have written: requests, memos, workflows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bridge.approvals.record import MEMO, ApprovalRecord, Verdict
from bridge.approvals.request import ApprovalRequest, DecisionBody
from bridge.approvals.standing import workflow_over
from bridge.steps.record import Callback
from crossover.contract.run import ArgoNode
from tests.argo.approvals.scene import node, request

NODE = ArgoNode("argo", "wf", "u", "wf.ask")
RECORD = ApprovalRecord(
    "title", "by", "starter", "trace", 60.0, "print", argo=NODE, callback=Callback(None, "approval", "a-1")
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_a_record_survives_its_memo() -> None:
    assert ApprovalRecord.from_memo(RECORD.to_memo()) == RECORD


@given(field=st.sampled_from(sorted(RECORD.to_memo()[MEMO])), value=_JSON)
def test_an_odd_memo_is_read_without_a_crash(field: str, value: Any) -> None:
    memo = RECORD.to_memo()
    memo[MEMO][field] = value
    found = ApprovalRecord.from_memo(memo)
    if found is not None:
        assert isinstance(found.title, str)
        assert found.argo is None or all(
            isinstance(each, str) for each in (found.argo.uid, found.argo.workflow)
        )


@given(_JSON)
def test_odd_details_of_a_termination_are_no_verdict(value: Any) -> None:
    assert Verdict.from_json(value) is None


@pytest.mark.parametrize("decision", ["expired", "pending", "approve", ["approved"], None])
def test_only_a_decision_is_a_verdict(decision: Any) -> None:
    assert Verdict.from_json({"decision": decision, "who": "alice", "reason": "", "token": "1"}) is None


@given(_JSON)
def test_odd_nodes_of_a_workflow_are_read_without_a_crash(nodes: Any) -> None:
    workflow = {"metadata": {"uid": "u"}, "spec": {}, "status": {"phase": "Running", "nodes": nodes}}
    assert workflow_over(workflow, NODE, Callback(None, "approval", "a-1"), datetime.now(UTC)) is None


@pytest.mark.parametrize("phases", [["Succeeded", "Running"], ["Running"], []])
def test_a_workflow_goes_on_while_one_of_its_nodes_waits(phases: list[str]) -> None:
    parameters = [{"name": "approval", "value": "a-1"}]
    nodes = {
        f"wf-{number}": {"type": "Suspend", "phase": phase, "inputs": {"parameters": parameters}}
        for number, phase in enumerate(phases)
    }
    workflow = {"metadata": {"uid": "u"}, "spec": {}, "status": {"phase": "Running", "nodes": nodes}}
    assert workflow_over(workflow, NODE, Callback(None, "approval", "a-1"), datetime.now(UTC)) is None
    by_id = workflow_over(workflow, NODE, Callback("wf-0"), datetime.now(UTC))
    assert (by_id is not None) == (phases[:1] == ["Succeeded"])


@pytest.mark.parametrize(
    ("name", "goes_on"), [("wf.ask", False), ("wf.onExit", True), ("wf.onExit.ask", True)]
)
def test_an_exit_handler_asks_also_after_a_stop(name: str, goes_on: bool) -> None:
    workflow = {
        "metadata": {"uid": "u"},
        "spec": {"shutdown": "Stop", "activeDeadlineSeconds": 1},
        "status": {"phase": "Running", "startedAt": "2026-01-01T00:00:00Z"},
    }
    asking = ArgoNode("argo", "wf", "u", name)
    assert (workflow_over(workflow, asking, None, datetime.now(UTC)) is None) == goes_on
    over = {**workflow, "status": {"phase": "Failed"}}
    assert workflow_over(over, asking, None, datetime.now(UTC)) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"title": ""},
        {"title": "  "},
        {"title": "x" * 201},
        {"details": {"x": "y" * 9000}},
        {"details": "text"},
        {"expires_in": "31d"},
        {"expires_in": 0},
        {"expires_in": "soon"},
        {"callback": {"kind": "argo"}},
        {"callback": {"node_id": "wf-1"}, "resumes": False},
        {"unknown": 1},
        {"argo": None},
        {"argo": {"workflow": "only"}},
    ],
)
def test_a_request_that_is_wrong_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ApprovalRequest.model_validate({"argo": node(), "title": "Delete it", **changes})
    assert request().title


@pytest.mark.parametrize(
    "body", [{}, {"decision": "maybe"}, {"decision": "reject"}, {"decision": "approve", "who": "bob"}]
)
def test_a_decision_that_is_wrong_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DecisionBody.model_validate(body)
