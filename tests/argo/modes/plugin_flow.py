"""Mode plugin: the workflow's agent pod asks our sidecar for all of its nodes."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from temporalio.client import Client

from tests.argo.modes.flow import Asked
from tests.argo.modes.with_fake_argo import FakeArgoFlow
from tests.argo.plugin.agent_pod import AgentPod, agent_pod, asked, over, phase
from tests.bridge.application import QUEUE
from tests.fake_argo import FakeArgo


class PluginFlow(FakeArgoFlow):
    def __init__(self, client: Client, argo: FakeArgo, bridge: str, folder: Path) -> None:
        super().__init__(client, argo)
        self._bridge = bridge
        self._folder = folder
        self._stack = AsyncExitStack()
        self._pod: AgentPod | None = None

    async def _begin(self, step: str, wanted: Asked) -> Callable[[], Awaitable[str]]:
        body = self._body(step, wanted)
        pod = await self._running_pod()
        await pod.told(body)

        async def ends() -> str:
            return phase(await pod.until(body, over))

        return ends

    async def _running_pod(self) -> AgentPod:
        if self._pod is None:
            opened = agent_pod(self._folder, self._bridge)
            self._pod = await self._stack.enter_async_context(opened)
        return self._pod

    def _body(self, step: str, wanted: Asked) -> bytes:
        template: dict[str, Any] = {} if wanted.timeout is None else {"timeout": f"{wanted.timeout}s"}
        return asked(
            self.metadata,
            template=template,
            workflow_type=wanted.workflow_type,
            task_queue=QUEUE,
            node=self.node_name(step),
            retries=str(wanted.retries),
            input=json.dumps(dict(wanted.input)),
            scope=wanted.scope,
            on_cancel=wanted.on_cancel,
        )

    async def retry(self) -> None:
        """A new agent pod asks."""
        await self._delete_pod()

    async def lose(self) -> None:
        await self._delete_pod()

    async def end(self, how: str) -> None:
        await self.listed(len(self._runs))
        await super().end(how)
        await self._delete_pod()

    async def _delete_pod(self) -> None:
        assert self._pod is not None
        assert await self._pod.sidecar.stop() == 0
        self._pod = None

    async def close(self) -> None:
        await super().close()
        await self._stack.aclose()
