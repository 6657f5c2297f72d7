"""Long polls: the quickest way to notice a close, for as many runs as Temporal lets one caller hold."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from bridge.gateway import Gateway
from bridge.steps.engine import Outcome
from bridge.waits.watch import Watch
from crossover.errors import CrossoverError, Internal, NotFound
from crossover.telemetry import get_logger

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 5.0
"""Seconds between polls while Temporal fails: full jitter, so that 500 polls do not come back as one."""

_log = get_logger(__name__)
Closed = Callable[[Watch, Outcome], Awaitable[str | None]]
Lost = Callable[[Watch, CrossoverError], None]


class Polls:
    """At most `limit` at a time: Temporal allows 1,200 per namespace and frontend, for all its callers."""

    def __init__(self, gateway: Gateway, limit: int, closed: Closed, lost: Lost) -> None:
        self._gateway = gateway
        self._limit = limit
        self._count = 0
        self._closed = closed
        self._lost = lost

    @property
    def free(self) -> bool:
        return self._count < self._limit

    def begin(self, watch: Watch) -> None:
        self._count += 1
        watch.poll = asyncio.create_task(self._run(watch))

    def end(self, watch: Watch) -> None:
        if watch.poll is None:
            return
        self._count -= 1
        if watch.poll is not asyncio.current_task():
            watch.poll.cancel()
        watch.poll = None

    async def _run(self, watch: Watch) -> None:
        """Follows the chain of runs to its end."""
        run_id: str | None = watch.snapshot.run_id
        pause = FIRST_PAUSE
        while run_id is not None:
            try:
                outcome = await self._gateway.wait_closed(watch.ref, run_id)
                watch.trouble, pause = None, FIRST_PAUSE
                if outcome is not None:
                    run_id = await self._closed(watch, outcome)
            except NotFound as error:
                self._lost(watch, error)
                return
            except CrossoverError as error:
                watch.trouble = error
            except Exception:
                _log.exception("long poll failed", run=watch.ref.id)
                watch.trouble = Internal("The bridge made a mistake; its log says which.", retry_after=1)
            if watch.trouble is not None:
                await asyncio.sleep(pause * random.random())
                pause = min(pause * 2, LONGEST_PAUSE)
