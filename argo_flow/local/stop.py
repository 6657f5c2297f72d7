"""A person's wish to stop the workflow."""

from __future__ import annotations

import asyncio
import contextlib
import time

MESSAGE = "Stopped with strategy 'Stop'"


class Stop:
    """`requested` once, `insisted` the second time: then nothing is waited for."""

    def __init__(self) -> None:
        self.requested = asyncio.Event()
        self.insisted = asyncio.Event()

    def request(self) -> None:
        if self.requested.is_set():
            self.insisted.set()
        self.requested.set()

    async def sleep_until(self, moment: float) -> bool:
        """Wait until `moment` (seconds since the epoch). Whether it came; False when stopped before."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, moment - time.time())):
                await self.requested.wait()
        return not self.requested.is_set()
