"""Objects that the watches should have told of, and that are asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from bridge.argo.agent.job import Name
from crossover.telemetry import get_logger

UNSEEN = 1.0
"""Seconds in which a TaskSet's Workflow should come by its watch; then it is asked for."""

A_SECOND = 10.0
"""Objects asked for per second at most."""

_log = get_logger(__name__)


class Looks:
    """Each is for one workflow; the first moment that was wished for holds."""

    def __init__(self) -> None:
        self._due: dict[Name, float] = {}

    def wish(self, name: Name, *, after: float = 0.0) -> None:
        """`after`: seconds from now."""
        self._due.setdefault(name, time.monotonic() + after)

    def drop(self, name: Name) -> None:
        self._due.pop(name, None)

    async def run(self, look: Callable[[Name], Awaitable[object]]) -> None:
        """Until cancelled. A look that fails by a mistake of ours is told of, and not repeated."""
        while True:
            await asyncio.sleep(1 / A_SECOND)
            now = time.monotonic()
            name = next((each for each, due in self._due.items() if due <= now), None)
            if name is None:
                continue
            self.drop(name)
            try:
                await look(name)
            except Exception:
                _log.exception("an object cannot be understood", namespace=name[0], name=name[1])
