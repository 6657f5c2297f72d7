"""A steps template: groups one after the other, the steps of a group side by side.

Source: argo-workflows workflow/controller/steps.go. The siblings of a failed step finish; then the group is
Failed, also when the step was in Error, and no further group starts.
"""

from __future__ import annotations

import asyncio

from argo_flow.graph.phases import NodePhase
from argo_flow.graph.templates import Call, Steps
from argo_flow.local.calls import Composite
from argo_flow.local.nodes import NodeStatus
from argo_flow.local.scope import Variables
from argo_flow.local.stop import MESSAGE as STOPPED


async def run_steps(composite: Composite, body: Steps) -> None:
    """Run all groups, and end the composite's node."""
    run, node = composite.run, composite.node
    variables: Variables = {}
    for index, group in enumerate(body.groups):
        if run.stopped:
            run.finish(node, NodePhase.FAILED, STOPPED)
            return
        failure = await _group(composite, index, group, variables)
        if failure:
            run.finish(node, NodePhase.FAILED, failure)
            return
    composite.succeed(variables)


async def _group(composite: Composite, index: int, group: tuple[Call, ...], variables: Variables) -> str:
    """Run one group and add what is known of its steps to `variables`. Why it failed, or nothing."""
    run, parent = composite.run, composite.node
    name = f"{parent.name}[{index}]"
    status = run.start(run.new_node(name, f"[{index}]", "", "StepGroup", parent.id, parent.id))
    async with asyncio.TaskGroup() as tasks:
        running = [
            tasks.create_task(composite.call(step, f"{name}.{step.name}", status.id, dict(variables)))
            for step in group
        ]
    nodes = [task.result() for task in running]
    failure = _failure(group, nodes)
    run.finish(status, NodePhase.FAILED if failure else NodePhase.SUCCEEDED, failure)
    for step, node in zip(group, nodes, strict=True):
        variables |= composite.facts(step, node)
    return failure


def _failure(group: tuple[Call, ...], nodes: list[NodeStatus]) -> str:
    for step, node in zip(group, nodes, strict=True):
        tolerated = step.continue_on is not None and step.continue_on.covers(node.phase)
        if node.phase.failed_or_error and not tolerated:
            return f"child '{node.id}' failed"
    return ""
