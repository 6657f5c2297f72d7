"""A system's outages, from a locator's view: told once each, waited out with growing patience."""

from __future__ import annotations

import asyncio
import random

from log_streamer.sources.source import SourceError, Trouble

FIRST_WAIT = 0.25
LONGEST_WAIT = 5.0
"""Seconds: a system that is back is noticed within that."""


class Outage:
    """One per system and watch."""

    def __init__(self, locator: str) -> None:
        self._locator = locator
        self._failures = 0

    def over(self) -> bool:
        """The system has answered. Whether it had been away: then that is to be told, by `Looked`."""
        was_away, self._failures = self._failures > 0, 0
        return was_away

    def begins(self, error: SourceError) -> Trouble | None:
        """What to tell of a failure: the first one of an outage only."""
        self._failures += 1
        return Trouble(self._locator, error.detail) if self._failures == 1 else None

    async def wait(self, error: SourceError) -> None:
        """As long as the system asked for; else twice as long each time, with jitter."""
        patience = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._failures, 8))
        await asyncio.sleep(min(error.retry_after or patience, 60.0) * random.uniform(0.75, 1.25))
