"""Which of our search attributes a namespace has registered: a start that names another is refused."""

from __future__ import annotations

import asyncio
import time

from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest

from bridge.temporal.rpc import Rpc
from crossover.contract.names import SEARCH_ATTRIBUTES
from crossover.errors import CrossoverError, InvalidRequest
from crossover.telemetry import get_logger

REFRESH_AFTER = 60.0
"""Seconds. An operator who registers them sees them used within a minute, without a restart."""

_log = get_logger(__name__)


class SearchAttributeNames:
    """Asked for once a minute and namespace; runs are found without them too, only more slowly."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._known: dict[str, tuple[float, frozenset[str]]] = {}
        self._asking: dict[str, asyncio.Task[frozenset[str]]] = {}

    async def registered(self, namespace: str) -> frozenset[str]:
        """Whoever asks first waits for the answer, and so do all who ask meanwhile."""
        read_at, names = self._known.get(namespace, (float("-inf"), None))
        if names is not None and time.monotonic() - read_at < REFRESH_AFTER:
            return names
        task = self._asking.get(namespace)
        if task is None:
            task = self._asking[namespace] = asyncio.ensure_future(self._ask(namespace))
            task.add_done_callback(lambda _: self._asking.pop(namespace, None))
        return names if names is not None else await asyncio.shield(task)

    async def _ask(self, namespace: str) -> frozenset[str]:
        """A failure keeps what was known, and is asked again soon."""
        try:
            names = await self._read(namespace)
        except CrossoverError as error:
            _log.debug("search attributes unknown", namespace=namespace, error=error.detail)
            return self._known.get(namespace, (0.0, frozenset[str]()))[1]
        self._known[namespace] = (time.monotonic(), names)
        return names

    async def _read(self, namespace: str) -> frozenset[str]:
        """Asks by using: listing attributes takes operator rights, and SQL visibility hides their names."""
        return frozenset([name for name in SEARCH_ATTRIBUTES if await self._usable(namespace, name)])

    async def _usable(self, namespace: str, name: str) -> bool:
        request = CountWorkflowExecutionsRequest(namespace=namespace, query=f"{name} = '-'")
        try:
            await self._rpc.call(
                "CountWorkflowExecutions", self._rpc.service.count_workflow_executions, request, retry=False
            )
        except InvalidRequest:
            return False
        return True
