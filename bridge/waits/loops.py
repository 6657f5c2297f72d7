"""Background work that goes on whatever one round of it meets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

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
