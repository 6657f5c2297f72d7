"""Mode agent: TaskSets and Workflows in a real Kubernetes API, and one agent for all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import Client

from testbed.kubernetes.admin import Admin
from tests.argo.agent.controller import Controlled, template
from tests.argo.agent.program import AgentProgram
from tests.argo.modes.flow import Asked, Flow


class AgentFlow(Flow):
    def __init__(self, client: Client, controlled: Controlled, agent: AgentProgram) -> None:
        super().__init__(client, "acme", controlled.namespace, controlled.name, controlled.uid)
        self._controlled = controlled
        self._agent = agent
        self._nodes: list[str] = []
        self._life = 0

    @classmethod
    async def created(cls, client: Client, admin: Admin, namespace: str, agent: AgentProgram) -> AgentFlow:
        return cls(client, await Controlled(admin, namespace).create(), agent)

    async def _begin(self, step: str, asked: Asked) -> Callable[[], Awaitable[str]]:
        node = self._controlled.node(f"{step}-{asked.retries}")
        self._nodes.append(node)
        task = template(
            asked.workflow_type,
            node=self.node_name(step),
            retries=str(asked.retries),
            input=dict(asked.input),
            scope=asked.scope,
            on_cancel=asked.on_cancel,
        )
        if asked.timeout is not None:
            task["timeout"] = f"{asked.timeout}s"
        await self._controlled.hand_over({node: task}, f"2026-11-21T0{self._life}:00:00Z")

        async def ends() -> str:
            return str((await self._controlled.ended(node))[node]["phase"])

        return ends

    async def retry(self) -> None:
        self._life += 1
        await self._controlled.complete("Failed")

    async def lose(self) -> None:
        await self._agent.kill()
        await self._agent.start()

    async def end(self, how: str) -> None:
        match how:
            case "stop" | "terminate":
                await self._controlled.stop(how.title())
            case "delete":
                await self._controlled.delete()
            case _:
                for node in self._nodes:
                    await self._controlled.end_node(node, "Failed", "Step exceeded its deadline")

    async def show(self, step: str, phase: str, **more: Any) -> None:
        node = self._controlled.node(f"{step}-0")
        await self._controlled.show_nodes([node], f"2026-11-21T0{self._life}:00:00Z", phase=phase, **more)
