"""Words on how nodes go, at a bounded rate: each is a write to etcd, and wakes Argo's controller."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from bridge.argo.agent.work import Work
from bridge.argo.node import Node

EVERY = 10.0
"""Seconds between the words of one node, and before its first: short tasks need none."""

Send = Callable[[str, Node], None]


class Progress:
    """One line for all nodes, `rate` a second. Results do not stand in it."""

    def __init__(self, rate: float, every: float = EVERY) -> None:
        self._rate = rate
        self._every = every
        self._line: deque[tuple[float, Work, Send]] = deque()

    def tell(self, work: Work, words: Node, send: Send) -> None:
        """The newest words win; those that were sent last are not sent again."""
        if words == work.words:
            return
        work.words = words
        if not work.told:
            work.told = True
            self._line.append((time.monotonic() + self._every, work, send))

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(1 / self._rate)
            self._next()

    def _next(self) -> None:
        """Those that have ended meanwhile take no turn."""
        while self._line and self._line[0][0] <= time.monotonic():
            _, work, send = self._line.popleft()
            work.told = False
            if work.ended is None and not work.over and work.words is not None:
                send(work.node_id, work.words)
                return
