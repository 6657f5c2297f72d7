"""One watched run: what is known of it, and who waits for it."""

from __future__ import annotations

import asyncio
import time
from enum import StrEnum

from bridge.steps.engine import RunRef, Snapshot
from bridge.waits.views import View
from crossover.errors import CrossoverError


class By(StrEnum):
    """How a run's close is noticed."""

    NOTHING = "nothing"
    LONG_POLL = "long poll"
    SWEEP = "sweep"


class Watch:
    """Shared by all who wait for the run. Small: there may be thousands."""

    __slots__ = ("_asked", "_waiters", "by", "due", "expiry", "poll", "ref", "snapshot", "trouble", "view")

    def __init__(self, snapshot: Snapshot, view: View) -> None:
        self.ref: RunRef = snapshot.ref
        self.snapshot = snapshot
        self.view = view
        self.by = By.NOTHING
        self.due = 0.0
        self.poll: asyncio.Task[None] | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self.trouble: CrossoverError | None = None
        self._waiters: dict[asyncio.Future[View], str | None] = {}
        self._asked = float("-inf")

    @property
    def waited_for(self) -> bool:
        return bool(self._waiters)

    def asked(self, since: float) -> None:
        """Its snapshot is what Temporal has answered since then (monotonic seconds)."""
        self._asked = since

    def asked_within(self, seconds: float) -> bool:
        return time.monotonic() - self._asked < seconds

    def join(self, revision: str | None) -> asyncio.Future[View]:
        """A future of the view that answers `revision`."""
        waiter: asyncio.Future[View] = asyncio.get_running_loop().create_future()
        self._waiters[waiter] = revision
        return waiter

    def leave(self, waiter: asyncio.Future[View]) -> None:
        self._waiters.pop(waiter, None)
        waiter.cancel()

    def update(self, snapshot: Snapshot, view: View) -> None:
        """The run was seen: whoever waited for this is answered."""
        self.snapshot, self.view, self.trouble = snapshot, view, None
        for waiter, revision in list(self._waiters.items()):
            if view.answers(revision):
                del self._waiters[waiter]
                if not waiter.done():
                    waiter.set_result(view)

    def fail(self, error: CrossoverError) -> None:
        """The run cannot be watched any more: everyone is told."""
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(error)
        self._waiters.clear()
