"""What Argo's workflow-controller does to Workflows and TaskSets, in its order, on a real API server."""

from __future__ import annotations

import asyncio
import copy
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from testbed.kubernetes.admin import TASK_SETS, WORKFLOWS, Admin, Refused
from testbed.servers import PATIENCE

Object = dict[str, Any]
Templates = Mapping[str, Any]

COMPLETED = "workflows.argoproj.io/completed"
PHASE = "workflows.argoproj.io/phase"


def template(workflow_type: str = "Echo", declared: tuple[str, ...] = (), **content: Any) -> Object:
    """A plugin template of ours, as Argo resolves it."""
    ours = {"workflow_type": workflow_type, "task_queue": "work", **content}
    parameters = [{"name": name, "valueFrom": {"supplied": {}}} for name in declared]
    return {
        "name": "run",
        "metadata": {},
        "outputs": {"parameters": parameters},
        "plugin": {"crossover": ours},
    }


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Controlled:
    """One workflow and its TaskSet, of the same name."""

    def __init__(self, admin: Admin, namespace: str, name: str | None = None) -> None:
        self._admin = admin
        self.namespace = namespace
        self.name = name or f"wf-{uuid.uuid4().hex[:8]}"
        self.uid = ""
        self._task_set_exists = False

    def node(self, step: str) -> str:
        return f"{self.name}-{step}"

    async def create(self, labels: Mapping[str, str] | None = None) -> Controlled:
        meta = {"name": self.name, "labels": dict(labels or {})}
        body = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": meta, "spec": {}}
        created = await self._admin.create(WORKFLOWS, body, self.namespace)
        self.uid = created["metadata"]["uid"]
        return self

    async def hand_over(self, tasks: Templates, started_at: str | None = None) -> None:
        """First the TaskSet, then the Workflow with the new nodes: as recorded from Argo 4.1.2."""
        await self.put_tasks(tasks)
        await self.show_nodes(tasks, started_at)

    async def put_tasks(self, tasks: Templates) -> None:
        if not self._task_set_exists:
            self._task_set_exists = True
            await self._admin.create(TASK_SETS, self._task_set(tasks), self.namespace)
        labels = {"labels": {COMPLETED: "false"}}
        await self.patch_task_set({"metadata": labels, "spec": {"tasks": dict(tasks)}})

    async def show_nodes(self, steps: Iterable[str], started_at: str | None = None, **changes: Any) -> None:
        began = started_at or now()
        nodes = {
            node: {
                "id": node,
                "name": f"{self.name}.{node}",
                "type": "Plugin",
                "phase": "Pending",
                "startedAt": began,
                **changes,
            }
            for node in steps
        }
        labels = {"labels": {COMPLETED: "false", PHASE: "Running"}}
        status = {"phase": "Running", "startedAt": began, "nodes": nodes}
        await self.patch_workflow({"metadata": labels, "status": status})

    async def end_node(self, node: str, phase: str, message: str = "") -> None:
        """As a node's timeout does; its task stays."""
        await self.patch_workflow({"status": {"nodes": {node: {"phase": phase, "message": message}}}})

    async def stop(self, strategy: str = "Stop") -> None:
        await self.patch_workflow({"spec": {"shutdown": strategy}})

    async def complete(self, phase: str = "Succeeded") -> None:
        """What a controller with all its rights does at the end."""
        await self.patch_task_set({"status": {"nodes": None}}, "status")
        await self.patch_task_set({"metadata": {"labels": {COMPLETED: "true"}}, "spec": {"tasks": None}})
        await self.complete_workflow(phase)

    async def complete_workflow(self, phase: str = "Succeeded") -> None:
        """All that one without the right to patch TaskSets' status does."""
        meta = {"labels": {COMPLETED: "true", PHASE: phase}}
        await self.patch_workflow({"metadata": meta, "status": {"phase": phase}})

    async def take_back(self, *nodes: str) -> None:
        await self.patch_task_set({"spec": {"tasks": dict.fromkeys(nodes)}})

    async def delete(self) -> None:
        """With its TaskSet, as Kubernetes' garbage collector does."""
        await self._admin.delete(WORKFLOWS, self.name, self.namespace)
        await self._admin.delete(TASK_SETS, self.name, self.namespace)

    async def task_set(self) -> Object:
        return await self._admin.get(TASK_SETS, self.name, self.namespace)

    async def results(self) -> dict[str, Any]:
        """Of its nodes, as the TaskSet's status has them."""
        status = (await self.task_set()).get("status") or {}
        return copy.deepcopy(status.get("nodes") or {})

    async def ended(self, *nodes: str, within: float = PATIENCE) -> dict[str, Any]:
        """The results once all of `nodes` have one."""
        async with asyncio.timeout(within):
            while True:
                found = await self.results()
                if all(
                    found.get(node, {}).get("phase") in ("Succeeded", "Failed", "Error") for node in nodes
                ):
                    return found
                await asyncio.sleep(0.05)

    async def patch_task_set(self, body: Object, subresource: str = "") -> None:
        await self._again(TASK_SETS, body, subresource)

    async def patch_workflow(self, body: Object) -> None:
        await self._again(WORKFLOWS, body, "")

    async def _again(self, resource: Any, body: Object, subresource: str) -> None:
        """Until no one else is quicker, and the API has room."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    await self._admin.patch(resource, self.name, body, self.namespace, subresource)
                    return
                except Refused as refused:
                    if refused.status not in (409, 429):
                        raise
                await asyncio.sleep(0.05)

    def _task_set(self, tasks: Templates) -> Object:
        owner = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "name": self.name, "uid": self.uid}
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "WorkflowTaskSet",
            "metadata": {"name": self.name, "ownerReferences": [owner]},
            "spec": {"tasks": dict(tasks)},
        }
