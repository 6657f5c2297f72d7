"""Background work that goes on whatever one round of it meets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from crossover.telemetry import get_logger

_log = get_logger(__name__)


async def forever(name: str, round: Callable[[], Awaitable[None]], pause: float) -> None:
    """A round every `pause` seconds until cancelled. A bug in one round is logged, and the next one comes."""
    while True:
        await asyncio.sleep(pause)
        try:
            await round()
        except Exception:
            _log.exception("background work failed", loop=name)


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
