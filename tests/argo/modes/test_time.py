"""Timeouts and deadlines, and what happens where there are none."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowExecutionStatus

from tests.argo.modes.conftest import Flows
from tests.argo.modes.flow import MODES

pytestmark = pytest.mark.parametrize("mode", MODES)

HOUR = 3600
"""An app's execution_timeout, where the registry says nothing else."""


async def test_the_templates_timeout_ends_the_run_and_that_the_node(flows: Flows, mode: str) -> None:
    """For a step it begins before its pod does, which takes its time on a busy machine."""
    flow = await flows()
    node = await flow.begin(timeout=15 if mode == "step" else 3)
    assert await node.ended() == "Failed"
    assert await node.status() is WorkflowExecutionStatus.TIMED_OUT


async def test_without_a_timeout_or_deadline_a_run_has_the_time_of_its_app(flows: Flows) -> None:
    """Argo says so to a pod by the zero time."""
    flow = await flows()
    node = await flow.begin()
    described = await node.run.describe()
    assert described.raw_description.execution_config.workflow_execution_timeout.seconds == HOUR
    await node.finish()
    assert await node.ended() == "Succeeded"
