"""Mode step: a pod is a process, its eviction a SIGTERM."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from temporalio.client import Client

from testbed.servers import BIN, PATIENCE, Program
from tests.argo.modes.flow import Asked
from tests.argo.modes.with_fake_argo import FakeArgoFlow
from tests.bridge.application import QUEUE
from tests.fake_argo import FakeArgo

STOPPED = {"cancel": 130, "terminate": 143, "abandon": 75}
"""Exit codes of a step whose workflow was ended, by its on_cancel."""

NEVER = "0001-01-01T00:00:00Z"
"""ARGO_DEADLINE of a node that has none."""


class StepFlow(FakeArgoFlow):
    def __init__(self, client: Client, argo: FakeArgo, bridge: str, folder: Path) -> None:
        super().__init__(client, argo)
        self._bridge = bridge
        self._folder = folder
        self.pods: list[Program] = []
        self._codes: list[int] = []

    async def _begin(self, step: str, asked: Asked) -> Callable[[], Awaitable[str]]:
        number = len(self.pods)
        log = self._folder / f"{self.name}-{number}.log"
        pod = Program([str(BIN / "crossover"), "step", "run"], self._env(step, asked), log)
        self.pods.append(pod)
        self._codes.append(STOPPED[asked.on_cancel])
        await pod.start()

        async def ends() -> str:
            return "Succeeded" if await pod.wait(within=PATIENCE) == 0 else "Failed"

        return ends

    def _env(self, step: str, asked: Asked) -> dict[str, str]:
        return {
            "CROSSOVER_URL": self._bridge,
            "CROSSOVER_WORKFLOW_TYPE": asked.workflow_type,
            "CROSSOVER_TASK_QUEUE": QUEUE,
            "CROSSOVER_INPUT": json.dumps(dict(asked.input)),
            "CROSSOVER_SCOPE": asked.scope,
            "CROSSOVER_ON_CANCEL": asked.on_cancel,
            "CROSSOVER_ARGO_NAMESPACE": self.namespace,
            "CROSSOVER_ARGO_WORKFLOW": self.name,
            "CROSSOVER_ARGO_UID": self.uid,
            "CROSSOVER_ARGO_NODE": self.node_name(step),
            "CROSSOVER_ARGO_RETRIES": str(asked.retries),
            "CROSSOVER_POLL_WAIT": "2s",
            "CROSSOVER_OUTPUTS_DIR": str(self._folder / f"outputs-{len(self.pods)}"),
            "ARGO_DEADLINE": _deadline(asked.timeout),
        }

    async def retry(self) -> None:
        """The failed node begins again in a new pod."""

    async def lose(self) -> None:
        for pod in self.pods:
            if pod.running:
                assert await pod.stop() == 75

    async def end(self, how: str) -> None:
        await super().end(how)
        for pod, code in zip(self.pods, self._codes, strict=True):
            if pod.running:
                assert await pod.stop() == code

    async def close(self) -> None:
        await super().close()
        for pod in self.pods:
            await pod.stop()


def _deadline(timeout: int | None) -> str:
    if timeout is None:
        return NEVER
    return (datetime.now(UTC) + timedelta(seconds=timeout)).isoformat()
