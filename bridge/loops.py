"""Background work that goes on whatever one round of it meets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from crossover.telemetry import get_logger

_log = get_logger(__name__)


async def forever(
    name: str, round: Callable[[], Awaitable[None]], pause: float, *, at_once: bool = False, spread: float = 0
) -> None:
    """A round every `pause` seconds until cancelled. A bug in one round is logged, and the next one comes.

    Args:
        at_once: the first round waits for nothing.
        spread: the share by which pauses differ, so that replicas do not act together.
    """
    if not at_once:
        await asyncio.sleep(pause)
    while True:
        try:
            await round()
        except Exception:
            _log.exception("background work failed", loop=name)
        await asyncio.sleep(pause * random.uniform(1 - spread, 1 + spread))


@asynccontextmanager
async def in_background(*work: Coroutine[Any, Any, None]) -> AsyncGenerator[None, None]:
    """Runs all of it until the block is left."""
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
