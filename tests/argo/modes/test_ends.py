"""What ends a run before its time, and what does not."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.argo.modes.conftest import Flows
from tests.argo.modes.flow import ENDS, MODES

pytestmark = pytest.mark.parametrize("mode", MODES)


@pytest.mark.parametrize("how", ENDS)
async def test_a_workflow_that_ends_before_its_time_cancels_its_runs(flows: Flows, how: str) -> None:
    flow, other = await flows(), await flows()
    node, elsewhere = await flow.begin(), await other.begin()
    await flow.end(how)
    await node.becomes(WorkflowExecutionStatus.CANCELED)
    assert await elsewhere.status() is WorkflowExecutionStatus.RUNNING


@pytest.mark.parametrize("how", ["stop", "terminate"])
async def test_a_run_that_is_to_be_terminated_is(flows: Flows, how: str) -> None:
    flow = await flows()
    node = await flow.begin(on_cancel="terminate")
    await flow.end(how)
    await node.becomes(WorkflowExecutionStatus.TERMINATED)


async def test_an_abandoned_run_outlives_its_workflow(flows: Flows) -> None:
    flow = await flows()
    kept, other = await flow.begin("kept", on_cancel="abandon"), await flow.begin("other")
    await flow.end("stop")
    await other.becomes(WorkflowExecutionStatus.CANCELED)
    assert await kept.status() is WorkflowExecutionStatus.RUNNING


async def test_a_sibling_that_fails_leaves_a_run_alone(flows: Flows) -> None:
    """failFast of a DAG begins nothing new; what has begun goes on."""
    flow = await flows()
    node = await flow.begin("slow")
    bad = await flow.begin("bad", workflow_type="Echo", input={"fail": "planned"})
    assert await bad.ended() == "Failed"
    await flow.show("bad", "Failed")
    assert await node.status() is WorkflowExecutionStatus.RUNNING
    await node.finish()
    assert await node.ended() == "Succeeded"


async def test_a_step_that_argo_answers_from_its_cache_has_no_run_and_disturbs_none(flows: Flows) -> None:
    flow = await flows()
    node = await flow.begin("other")
    await flow.show("cached", "Succeeded", memoizationStatus={"hit": True, "key": "k", "cacheName": "c"})
    await node.finish()
    assert await node.ended() == "Succeeded"
    await flow.listed(1)
