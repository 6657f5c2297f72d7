"""First looks: a run that cannot work shows it in its first seconds, however many others wait.

Refreshing in turn would come to a new run late where thousands wait. So a run that was just started is
looked at twice, soon after its client began to wait: two calls per start, none per waiting run.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from bridge.loops import forever
from bridge.waits.watch import Watch

AFTER = (4.0, 6.0)
"""Seconds to the first look, and from there to the second: a type that no worker registers has failed
its second workflow task by then, and both lie within the 15 s in which a person should know."""

YOUNG = 10.0
"""Seconds since its start for which a run counts as new: a bridge that restarts among thousands of
waiting clients has no first looks to make."""

ROUND, AT_ONCE = 0.25, 12
"""Seconds between rounds, and looks of one: 48 a second at most, so a burst of starts is no storm."""


class FirstLooks:
    """Two lines of watches, each in the order of its time."""

    def __init__(self, look: Callable[[Watch], Awaitable[None]]) -> None:
        self._look = look
        self._lines: tuple[deque[tuple[float, Watch]], ...] = tuple(deque() for _ in AFTER)

    def expect(self, watch: Watch) -> None:
        """A client begins to wait for the run."""
        started = watch.snapshot.started_at
        if started is not None and (datetime.now(UTC) - started).total_seconds() < YOUNG:
            self._line_up(0, watch)

    async def run(self) -> None:
        await forever("first looks", self._round, ROUND)

    async def _round(self) -> None:
        now = time.monotonic()
        due: list[Watch] = []
        for number, line in enumerate(self._lines):
            while line and line[0][0] <= now and len(due) < AT_ONCE:
                watch = line.popleft()[1]
                if watch.waited_for:
                    due.append(watch)
                    self._line_up(number + 1, watch)
        await asyncio.gather(*(self._look(watch) for watch in due))

    def _line_up(self, number: int, watch: Watch) -> None:
        if number < len(self._lines):
            self._lines[number].append((time.monotonic() + AFTER[number], watch))
