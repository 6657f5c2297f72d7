"""A dag template: a task runs when all it depends on is over and its condition holds."""

from __future__ import annotations

import asyncio

from argo_flow.graph.dag import ancestors, dag_phase, dependencies, executed, may_run
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.templates import Call, Dag
from argo_flow.local.calls import Composite
from argo_flow.local.nodes import NodeStatus
from argo_flow.local.scope import Variables
from argo_flow.local.stop import MESSAGE as STOPPED


async def run_dag(composite: Composite, body: Dag) -> None:
    """Run the DAG's tasks, and end the composite's node."""
    nodes = await _Tasks(composite, body).run()
    run, node = composite.run, composite.node
    if run.stopped:
        run.finish(node, NodePhase.FAILED, STOPPED)
        return
    phase = dag_phase(body, {name: task.phase for name, task in nodes.items()})
    if phase is not NodePhase.SUCCEEDED:
        run.finish(node, phase)
        return
    variables: Variables = {}
    for task in executed(body):
        variables |= composite.facts(task, nodes[task.name])
    composite.succeed(variables)


class _Tasks:
    """The tasks of one DAG; `nodes` holds those that are over."""

    def __init__(self, composite: Composite, dag: Dag) -> None:
        self._composite = composite
        self._dag = dag
        self._by_name = {task.name: task for task in dag.tasks}
        self._over = {task.name: asyncio.Event() for task in dag.tasks}
        self._nodes: dict[str, NodeStatus] = {}

    async def run(self) -> dict[str, NodeStatus]:
        async with asyncio.TaskGroup() as group:
            for task in executed(self._dag):
                group.create_task(self._task(task))
        return self._nodes

    async def _task(self, task: Call) -> None:
        for name in dependencies(task):
            await self._over[name].wait()
        if not self._composite.run.stopped:
            self._nodes[task.name] = await self._run(task)
        self._over[task.name].set()

    async def _run(self, task: Call) -> NodeStatus:
        composite = self._composite
        name = f"{composite.node.name}.{task.name}"
        phases = {name: node.phase for name, node in self._nodes.items()}
        if not may_run(task, phases, self._dag):
            omitted = composite.nowhere(task, name, composite.node.id)
            return composite.run.finish(omitted, NodePhase.OMITTED, "omitted: depends condition not met")
        return await composite.call(task, name, composite.node.id, self._variables(task))

    def _variables(self, task: Call) -> Variables:
        variables: Variables = {}
        for name in ancestors(self._dag, task.name):
            variables |= self._composite.facts(self._by_name[name], self._nodes[name])
        return variables
