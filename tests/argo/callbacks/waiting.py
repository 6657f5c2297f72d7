"""Waiting for what is to come, with an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from testbed.servers import PATIENCE


async def until(condition: Callable[[], object], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)


async def becomes(condition: Callable[[], Awaitable[object]], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.05)
