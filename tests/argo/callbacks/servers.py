"""Argo Servers that the contract tests run against: the fake one, and a real one where there is one."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from crossover.contract.run import ArgoNode
from testbed.argo import RealArgo
from testbed.servers import PATIENCE
from tests.fake_argo import FakeArgo

OUTPUTS = ("rows", "result")
"""What the suspend template declares as supplied."""


class Server(Protocol):
    """An Argo Server, and a way to make workflows in it."""

    @property
    def url(self) -> str: ...

    async def suspended(self, value: str, **spec: Any) -> ArgoNode:
        """A workflow whose only suspend node is active; its input `run` has that value."""
        ...

    async def phase(self, node: ArgoNode) -> str:
        """Of the suspend node."""
        ...

    async def retry(self, node: ArgoNode) -> None:
        """`argo retry`, once the workflow has failed: its suspend node waits again."""
        ...

    async def delete(self, node: ArgoNode) -> None: ...


@dataclass
class Fake:
    argo: FakeArgo

    @property
    def url(self) -> str:
        return self.argo.url

    async def suspended(self, value: str, **spec: Any) -> ArgoNode:
        name = f"susp-{uuid.uuid4().hex[:8]}"
        argo = {"namespace": "argo", "workflow": name, "uid": str(uuid.uuid4())}
        self.argo.keep(argo, **spec)
        self.argo.suspend(argo, value, outputs=dict.fromkeys(OUTPUTS))
        return ArgoNode(argo["namespace"], name, argo["uid"], f"{name}.wait")

    async def phase(self, node: ArgoNode) -> str:
        return _suspended_phase(self.argo.workflows.find(node.namespace, node.workflow))

    async def retry(self, node: ArgoNode) -> None:
        workflow = self.argo.workflows.find(node.namespace, node.workflow)
        for each in workflow["status"]["nodes"].values():
            each["phase"] = "Running"
            each["outputs"]["parameters"] = [
                {"name": name, "valueFrom": {"supplied": {}}} for name in OUTPUTS
            ]

    async def delete(self, node: ArgoNode) -> None:
        self.argo.delete({"namespace": node.namespace, "workflow": node.workflow})


@dataclass
class Real:
    """`real` keeps its workflows in a real API server, and its controller makes the nodes."""

    real: RealArgo

    @property
    def url(self) -> str:
        return self.real.url

    async def suspended(self, value: str, **spec: Any) -> ArgoNode:
        manifest = _manifest(self.real.namespace, value, spec)
        reply = await self.real.http.post(
            f"/api/v1/workflows/{self.real.namespace}", json={"workflow": manifest}
        )
        reply.raise_for_status()
        metadata = reply.json()["metadata"]
        name, uid = str(metadata["name"]), str(metadata["uid"])
        node = ArgoNode(self.real.namespace, name, uid, f"{name}.wait")
        await self._until(node, "Running")
        return node

    async def phase(self, node: ArgoNode) -> str:
        reply = await self.real.http.get(f"/api/v1/workflows/{node.namespace}/{node.workflow}")
        return _suspended_phase(reply.json())

    async def retry(self, node: ArgoNode) -> None:
        async with asyncio.timeout(PATIENCE):
            while (await self._retried(node)).status_code != httpx.codes.OK:
                await asyncio.sleep(0.05)

    async def _retried(self, node: ArgoNode) -> httpx.Response:
        path = f"/api/v1/workflows/{node.namespace}/{node.workflow}/retry"
        return await self.real.http.put(path, json={"name": node.workflow, "namespace": node.namespace})

    async def _until(self, node: ArgoNode, phase: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while await self.phase(node) != phase:
                await asyncio.sleep(0.05)

    async def delete(self, node: ArgoNode) -> None:
        reply = await self.real.http.delete(f"/api/v1/workflows/{node.namespace}/{node.workflow}")
        reply.raise_for_status()
        async with asyncio.timeout(PATIENCE):
            while await self._exists(node):
                await asyncio.sleep(0.05)

    async def _exists(self, node: ArgoNode) -> bool:
        reply = await self.real.http.get(f"/api/v1/workflows/{node.namespace}/{node.workflow}")
        return reply.status_code != httpx.codes.NOT_FOUND


def _manifest(namespace: str, value: str, spec: dict[str, Any]) -> dict[str, Any]:
    run = {"name": "run", "value": value}
    outputs = [{"name": name, "valueFrom": {"supplied": {}}} for name in OUTPUTS]
    wait = {
        "name": "wait",
        "inputs": {"parameters": [{"name": "run"}]},
        "suspend": {},
        "outputs": {"parameters": outputs},
    }
    task = {"name": "wait", "template": "wait", "arguments": {"parameters": [run]}}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "susp-", "namespace": namespace},
        "spec": {
            "entrypoint": "main",
            "templates": [{"name": "main", "dag": {"tasks": [task]}}, wait],
            **spec,
        },
    }


def _suspended_phase(workflow: dict[str, Any]) -> str:
    """Empty while there is no such node."""
    nodes = ((workflow.get("status") or {}).get("nodes") or {}).values()
    return next((str(node["phase"]) for node in nodes if node["type"] == "Suspend"), "")
