"""How long to put up with a bridge that is away, and how often to ask again. Pure: time comes in."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0
LONGEST_RETRY_AFTER = 30.0
"""A server may ask for patience, but not make the step miss its own outage budget."""

REMINDER = 60.0
LAST_ATTEMPT = 1.0


class OutageTooLong(Exception):
    """The bridge was away for longer than the budget; the text is the last thing that went wrong."""


class Outage:
    """One outage lasts from the first failure after a success to the next success.

    Args:
        budget: seconds that one outage may last.
        longest_pause: seconds between two attempts at most.
        until: when it is over in any case, outage or not.
        jitter: a number in [0, 1); full jitter keeps many waiting steps from asking at the same moment
            (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
    """

    def __init__(
        self,
        budget: float,
        longest_pause: float = LONGEST_PAUSE,
        until: float = math.inf,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.budget = budget
        self.began: float | None = None
        self._longest_pause = longest_pause
        self._until = until
        self._jitter = jitter
        self._attempts = 0
        self._reminded = 0.0

    def failed(self, now: float, reason: str, retry_after: float | None = None) -> float:
        """The pause in seconds before the next attempt. Raises OutageTooLong when the budget is spent."""
        if self.began is None:
            self.began, self._reminded, self._attempts = now, now, 0
        left = self._left(now)
        if left <= 0:
            raise OutageTooLong(reason)
        longest = min(self._longest_pause, math.ldexp(FIRST_PAUSE, min(self._attempts, 30)))
        self._attempts += 1
        pause = min(retry_after or 0.0, LONGEST_RETRY_AFTER) + longest * self._jitter()
        # The last attempt falls on the end of the budget, so that none of it is wasted.
        return min(pause, left)

    def limit(self, now: float, seconds: float) -> float:
        """How long the next attempt may take: no longer than the outage may; the last one gets a second."""
        return max(LAST_ATTEMPT, min(seconds, self._left(now)))

    def due(self, now: float) -> bool:
        """Whether a minute passed since the last word about this outage."""
        if self.began is None or now - self._reminded < REMINDER:
            return False
        self._reminded = now
        return True

    def ended(self, now: float) -> float | None:
        """Note a success. Returns how long the outage was, or None when there was none."""
        began, self.began = self.began, None
        return None if began is None else now - began

    def _left(self, now: float) -> float:
        budget = math.inf if self.began is None else self.began + self.budget - now
        return min(budget, self._until - now)
