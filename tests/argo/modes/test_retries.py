"""Attempts of a retryStrategy, `argo retry` and resubmission: which find a run, and which begin one."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.argo.modes.conftest import Flows
from tests.argo.modes.flow import MODES

pytestmark = pytest.mark.parametrize("mode", MODES)

FAILS: dict[str, Any] = {"workflow_type": "Echo", "input": {"fail": "planned"}}


async def test_the_next_attempt_of_a_failed_node_starts_its_run_anew(flows: Flows) -> None:
    flow = await flows()
    first = await flow.begin(**FAILS)
    assert await first.ended() == "Failed"
    second = await flow.begin_anew(first, retries=1, **FAILS)
    assert second.run.id == first.run.id
    assert await second.ended() == "Failed"


async def test_the_next_attempt_finds_a_run_that_has_succeeded(flows: Flows) -> None:
    """Its result was lost on the way to Argo, say with the pod."""
    flow = await flows()
    first = await flow.begin(workflow_type="Echo")
    assert await first.ended() == "Succeeded"
    execution = await first.execution()
    second = await flow.begin(retries=1, workflow_type="Echo")
    assert await second.ended() == "Succeeded"
    assert await second.execution() == execution


async def test_with_scope_attempt_the_next_attempt_has_a_run_of_its_own(flows: Flows) -> None:
    flow = await flows()
    first = await flow.begin(scope="attempt", **FAILS)
    assert await first.ended() == "Failed"
    second = await flow.begin(scope="attempt", retries=1)
    assert second.run.id != first.run.id
    assert await first.status() is WorkflowExecutionStatus.FAILED
    assert await second.status() is WorkflowExecutionStatus.RUNNING
    await second.finish()
    assert await second.ended() == "Succeeded"


@pytest.mark.parametrize("scope", ["node", "attempt"])
async def test_argo_retry_starts_a_failed_run_anew_in_either_scope(flows: Flows, scope: str) -> None:
    flow = await flows()
    first = await flow.begin(scope=scope, **FAILS)
    assert await first.ended() == "Failed"
    await flow.retry()
    second = await flow.begin_anew(first, scope=scope, **FAILS)
    assert second.run.id == first.run.id
    assert await second.ended() == "Failed"


async def test_a_resubmitted_workflow_has_a_run_of_its_own(flows: Flows) -> None:
    first = await (await flows()).begin()
    second = await (await flows()).begin()
    assert second.run.id != first.run.id
    for node in (first, second):
        await node.finish()
        assert await node.ended() == "Succeeded"
