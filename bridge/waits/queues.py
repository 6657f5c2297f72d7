"""Who polls which task queue, asked at most every few seconds per queue, however many runs wait on it."""

from __future__ import annotations

import asyncio
import time

from bridge.gateway import Gateway
from bridge.steps.engine import QueueHealth
from crossover.errors import CrossoverError

FRESH_FOR = 4.0
"""Seconds. Three looks fit into the 15 s within which a dead queue must be told."""

RECENT = 15.0
"""Seconds for which a view that may not ask still trusts the last answer."""

KEEP = 1000
"""Queues remembered; the oldest answer goes first."""


class Queues:
    """Task-queue health, shared by all views."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._known: dict[tuple[str, str], tuple[float, QueueHealth | None]] = {}
        self._asking: dict[tuple[str, str], asyncio.Task[QueueHealth | None]] = {}

    def known(self, namespace: str, name: str) -> QueueHealth | None:
        """The last answer if it is recent, without asking."""
        read_at, health = self._known.get((namespace, name), (float("-inf"), None))
        return health if time.monotonic() - read_at < RECENT else None

    async def health(self, namespace: str, name: str) -> QueueHealth | None:
        """None when Temporal does not say: health is an extra, never a reason to fail a read."""
        key = (namespace, name)
        read_at, health = self._known.get(key, (float("-inf"), None))
        if time.monotonic() - read_at < FRESH_FOR:
            return health
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.ensure_future(self._ask(key))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return await asyncio.shield(task)

    async def _ask(self, key: tuple[str, str]) -> QueueHealth | None:
        try:
            health: QueueHealth | None = await self._gateway.queue(*key)
        except CrossoverError:
            health = None
        self._known.pop(key, None)
        self._known[key] = (time.monotonic(), health)
        while len(self._known) > KEEP:
            self._known.pop(next(iter(self._known)))
        return health
