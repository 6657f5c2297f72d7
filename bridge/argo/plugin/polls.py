"""The nodes that are asked for, the one that was asked for last at the end."""

from __future__ import annotations

from collections import OrderedDict

from bridge.argo.plugin.poll import Poll

MOST = 20_000
"""Nodes remembered: a few kilobytes each."""


class Polls:
    """By digest of the request. Bounded in number, and by how long nobody has asked."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._polls: OrderedDict[bytes, Poll] = OrderedDict()

    def __len__(self) -> int:
        return len(self._polls)

    def get(self, key: bytes) -> Poll | None:
        poll = self._polls.get(key)
        if poll is not None:
            self._polls.move_to_end(key)
        return poll

    def add(self, key: bytes, poll: Poll) -> None:
        self._polls[key] = poll
        oldest = next(iter(self._polls))
        while len(self._polls) > self._most or not self._polls[oldest].wanted:
            self.forget(oldest)
            oldest = next(iter(self._polls))

    def forget(self, key: bytes) -> None:
        poll = self._polls.pop(key, None)
        if poll is not None and poll.follower is not None:
            poll.follower.cancel()

    def clear(self) -> list[Poll]:
        """Forgets all of them; those that there were."""
        polls = list(self._polls.values())
        for key in list(self._polls):
            self.forget(key)
        return polls
