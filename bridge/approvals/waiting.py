"""Waiting until somebody has decided."""

from __future__ import annotations

import asyncio

from bridge.approvals.keeping import Keeping
from bridge.approvals.record import Kept
from crossover.errors import ShuttingDown

POLLS = 100
"""Clients that hold a long poll at Temporal each: it allows 1,200 per namespace and frontend, and runs are
waited for too. Whoever comes beyond them looks again every `LOOK_AGAIN` seconds."""

LOOK_AGAIN = 2.0


class Waiting:
    """Of all clients of this replica."""

    def __init__(self, keeper: Keeping) -> None:
        self._keeper = keeper
        self._polls = asyncio.Semaphore(POLLS)

    async def wait(self, kept: Kept, timeout: float, stop: asyncio.Event) -> Kept:
        """Raises ShuttingDown when `stop` is set; otherwise see `Approvals.wait`."""
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        stopped = asyncio.create_task(stop.wait())
        try:
            while not kept.state.closed and (left := until - loop.time()) > 0:
                await self._closed_or(stopped, kept, left)
                if stop.is_set():
                    raise ShuttingDown("This replica is shutting down; ask again.", retry_after=1)
                kept = await self._keeper.approval(kept.namespace, kept.tenant, kept.id)
        finally:
            stopped.cancel()
        return kept

    async def _closed_or(self, stopped: asyncio.Task[bool], kept: Kept, left: float) -> None:
        poll = asyncio.create_task(self._poll(kept))
        try:
            done, _ = await asyncio.wait({poll, stopped}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if poll in done:
                poll.result()
        finally:
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)

    async def _poll(self, kept: Kept) -> None:
        if self._polls.locked():
            await asyncio.sleep(LOOK_AGAIN)
            return
        async with self._polls:
            await self._keeper.await_close(kept)
