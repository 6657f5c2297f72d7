"""Mode callback: a request starts the run, a suspend node waits for it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from temporalio.client import Client

from tests.argo.callbacks.replica import Replica
from tests.argo.modes.flow import Asked, until
from tests.argo.modes.with_fake_argo import FakeArgoFlow
from tests.fake_argo import FakeArgo


class CallbackFlow(FakeArgoFlow):
    def __init__(self, client: Client, argo: FakeArgo, replica: Replica) -> None:
        super().__init__(client, argo)
        self._replica = replica

    async def _begin(self, step: str, asked: Asked) -> Callable[[], Awaitable[str]]:
        timeout: dict[str, Any] = {} if asked.timeout is None else {"execution_timeout": asked.timeout}
        node = {**self.known, "node_name": self.node_name(step), "retries": asked.retries}
        run = await self._replica.start(
            node,
            asked.workflow_type,
            input=dict(asked.input),
            scope=asked.scope,
            on_cancel=asked.on_cancel,
            **timeout,
        )
        name = f"{self.node_name(step)}({asked.retries})[1].wait"
        id = self.argo.suspend(self.known, run.ref.id, name=name)

        async def over() -> bool:
            return bool(self.argo.node(self.known, id)["phase"] != "Running")

        async def ends() -> str:
            await until(over)
            return str(self.argo.node(self.known, id)["phase"])

        return ends

    async def retry(self) -> None:
        """With the node that starts the run among what is retried: it is requested again."""

    async def lose(self) -> None:
        """Argo's agent pod, before it has told Argo the answer: the request is repeated."""

    async def show(self, step: str, phase: str, **more: Any) -> None:
        await super().show(step, phase, **more)
        seen = self.argo.gets.count(self.name)

        async def looked_at_twice() -> bool:
            return self.argo.gets.count(self.name) >= seen + 2

        await until(looked_at_twice)
