"""What the main thread waits for: replies of its own exchanges, and signals, in one queue.

The main thread never blocks in a system call that a signal cannot end: it only ever waits here, so a
signal is acted on at once, and always at a known place.
"""

from __future__ import annotations

import os
import queue
import signal
import time
from collections.abc import Callable
from types import FrameType

TICK = 1.0
"""Seconds between ticks, for whoever draws elapsed time."""


class Stopped(Exception):
    """SIGTERM or SIGINT came while the step was waiting."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number
        self.name = signal.Signals(number).name


class Inbox:
    """The queue and the signal handlers that feed it."""

    def __init__(self) -> None:
        # SimpleQueue.put is reentrant by its documentation, so a signal handler may call it.
        self._queue: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._signalled = False
        self.on_tick: Callable[[], None] | None = None

    def listen(self) -> None:
        """Install the handlers. Main thread only."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    def put(self, item: object) -> None:
        self._queue.put(item)

    def take(self, seconds: float) -> object | None:
        """The next item, or None when none came within `seconds`. Raises Stopped, once."""
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            try:
                item = self._queue.get(timeout=max(0.0, min(left, TICK)))
            except queue.Empty:
                if left <= TICK:
                    return None
                if self.on_tick is not None:
                    self.on_tick()
                continue
            if isinstance(item, Stopped):
                raise item
            return item

    def sleep(self, seconds: float) -> None:
        """Wait; late replies of exchanges that were given up are dropped. Raises Stopped."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.take(left)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if not self._signalled:
            self._signalled = True
            self._queue.put(Stopped(number))
        elif number == signal.SIGINT:
            # The second time a person means it, whatever is being waited for.
            os._exit(130)
