"""How fast Argo may be asked, and how long to leave it alone."""

from __future__ import annotations

import asyncio
import random

FIRST, LONGEST = 0.2, 10.0
"""Seconds between tries for one node: the first is soon, since nodes appear within a second of their run."""


def pause(tries: int) -> float:
    """Seconds after so many tries. Jitter: what came together shall not come back together."""
    return min(LONGEST, FIRST * 2.0 ** min(tries, 8)) * random.uniform(0.5, 1)


class Pace:
    """Lets at most `per_second` through, evenly."""

    def __init__(self, per_second: float) -> None:
        self.per_second = per_second
        self._next = 0.0

    async def turn(self) -> None:
        """Waits for a place in the row."""
        now = asyncio.get_running_loop().time()
        mine = max(now, self._next)
        self._next = mine + 1 / self.per_second
        await asyncio.sleep(mine - now)
