"""A suspend template with a duration: waiting for a person is nothing a local run can do."""

from __future__ import annotations

from argo_flow.graph.phases import NodePhase
from argo_flow.graph.templates import Suspend, Template
from argo_flow.local.nodes import NodeStatus
from argo_flow.local.state import Run
from argo_flow.local.stop import MESSAGE as STOPPED
from crossover.contract.durations import parse_duration


async def run_suspend(
    run: Run, node: NodeStatus, template: Template, suspend: Suspend, deadline: float | None
) -> None:
    """Wait, and end the node; nobody supplied its outputs, so they have their defaults."""
    end = node.started_at + parse_duration(suspend.duration or "0")
    overdue = deadline is not None and deadline < end
    if not await run.stop.sleep_until(min(end, deadline) if deadline is not None else end):
        run.finish(node, NodePhase.FAILED, STOPPED)
        return
    for output in template.outputs:
        default = output.value_from.default if output.value_from else None
        if default is None:
            run.finish(node, NodePhase.ERROR, f"the output {output.name} was not supplied and has no default")
            return
        node.outputs.parameters[output.name] = default
    run.finish(
        node, NodePhase.FAILED if overdue else NodePhase.SUCCEEDED, "Step exceeded its deadline" * overdue
    )
