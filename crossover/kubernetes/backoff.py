"""How long to leave the Kubernetes API alone after it did not answer well."""

from __future__ import annotations

import random

from crossover.kubernetes.errors import ApiError

FIRST, LONGEST = 0.2, 10.0
"""Seconds: an API that is back is noticed within the second of them."""

LONGEST_ASKED = 60.0
"""Seconds of a Retry-After that are waited at most."""


class Backoff:
    """Of one caller and one thing it wants. Full jitter above a quarter: thousands shall not come as one."""

    def __init__(self) -> None:
        self._failures = 0

    def over(self) -> None:
        """The API has answered well."""
        self._failures = 0

    @property
    def first(self) -> bool:
        """Whether the failure last told was the first of its row: the one to log."""
        return self._failures == 1

    def failed(self, error: ApiError) -> float:
        """Seconds to wait: what the API asked for, else twice as long each time."""
        self._failures += 1
        patience = min(LONGEST, FIRST * 2.0 ** min(self._failures - 1, 8))
        if error.retry_after is not None:
            patience = min(LONGEST_ASKED, max(patience, error.retry_after))
            return patience * random.uniform(1, 1.25)
        return patience * random.uniform(0.25, 1)
