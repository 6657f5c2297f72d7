"""From a question of the agent to an answer within a second, whatever the bridge does."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

from crossover.cli.plugin.bridge import Answer, Bridge, Call, Unreachable
from crossover.cli.plugin.replies import NOT_OURS, Away, away, read_answer
from crossover.cli.plugin.tasks import Tasks, Workflow
from crossover.contract.names import RETRY_HEADER

LIMIT = 0.8
"""Seconds that the bridge has. The agent's workers are 16, and each waits with it."""

WORKERS = 16
LAST_WORDS = 5.0
"""Seconds for what there is to say after SIGTERM: the kubelet kills 30 seconds after it."""

EXECUTE, RELEASES = "/api/v1/template.execute", "/v1/releases"


class Sidecar:
    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._tasks = Tasks()
        self._threads = ThreadPoolExecutor(WORKERS)

    async def execute(self, body: bytes, instance: str) -> bytes:
        """The reply's JSON. Another plugin's task is never taken, not even while the bridge is away."""
        task = self._tasks.of(body)
        if not task.ours:
            return NOT_OURS
        headers = {"Crossover-Instance": instance}
        if task.away:
            headers[RETRY_HEADER] = "1"
        try:
            found = read_answer(await self._post(EXECUTE, body, headers, LIMIT))
        except Unreachable as error:
            found = Away(str(error))
        if isinstance(found, Away):
            task.away = True
            return away(found, tell=task.tells())
        task.answered()
        return found

    async def release(self) -> None:
        """The pod is going away: the bridge looks whether its workflow was stopped, or only the pod is."""
        told = [self._release(workflow) for workflow in self._tasks.workflows]
        for workflow, words in await asyncio.gather(*told):
            print(f"plugin: {workflow.namespace}/{workflow.name}: {words}", flush=True)

    async def _release(self, workflow: Workflow) -> tuple[Workflow, str]:
        body = {"namespace": workflow.namespace, "workflow": workflow.name, "uid": workflow.uid}
        try:
            answer = await self._post(RELEASES, json.dumps(body).encode(), {}, LAST_WORDS)
        except Unreachable as error:
            return workflow, f"its runs are left to themselves: {error}"
        return workflow, answer.body[:1000].decode("utf-8", "replace")

    async def _post(self, path: str, body: bytes, headers: dict[str, str], limit: float) -> Answer:
        """Raises Unreachable."""
        loop, call = asyncio.get_running_loop(), Call()
        try:
            async with asyncio.timeout(limit):
                return await loop.run_in_executor(
                    self._threads, self._bridge.post, call, path, body, headers, limit
                )
        except TimeoutError:
            call.give_up()
            raise Unreachable("no answer in time") from None
