"""One node that the agent asks for: what is known of its run, and what the agent was told last."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from bridge.argo.node import node_of, pending
from bridge.argo.plugin.reply import LONGEST, Reply, over, silent, told
from bridge.argo.runs import View
from bridge.argo.task import Task
from crossover.contract.run import Phase
from crossover.errors import CrossoverError

Clock = Callable[[], float]

TELL_EVERY = 10.0
"""Seconds between messages: each is written to etcd, in an object that all nodes of a workflow share."""

KEPT = 2 * LONGEST
"""Seconds after the last question for which a node is remembered."""

SOON = 1.0
"""Seconds to the next question while nothing is known, and of a run that has just begun."""


class Poll:
    """Soft state: where it is lost, the next question attaches to the run again.

    Args:
        key: names the incarnation of the node.
        clock: seconds.
    """

    __slots__ = (
        "_began",
        "_clock",
        "_told",
        "_told_at",
        "answer_by",
        "asked_at",
        "error",
        "follower",
        "key",
        "news",
        "task",
        "tenant",
        "view",
    )

    def __init__(self, tenant: str, task: Task, key: str, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self.tenant, self.task, self.key = tenant, task, key
        self.view: View | None = None
        self.error: CrossoverError | None = None
        self.follower: asyncio.Task[None] | None = None
        self.news = asyncio.Event()
        self.answer_by = 0.0
        self.asked_at = self._began = clock()
        self._told: str | None = None
        self._told_at = 0.0

    @property
    def closed(self) -> bool:
        return self.view is not None and Phase(self.view["phase"]).closed

    @property
    def failed(self) -> bool:
        return self.view is not None and Phase(self.view["phase"]) in (Phase.FAILED, Phase.ERROR)

    @property
    def wanted(self) -> bool:
        """Whether the agent still asks."""
        return self._clock() - self.asked_at < KEPT

    def asked(self, *, anew: bool) -> None:
        """`anew`: somebody else has told the agent something in the meantime."""
        self.asked_at = self._clock()
        if anew:
            self._told = None

    def answer(self, longest: float) -> Reply:
        """The run as it is known; `longest`: seconds between two questions."""
        age = self._clock() - self._began
        requeue = min(longest, max(SOON, age / 10))
        if self.view is None:
            return silent(requeue)
        node = node_of(self.view, self.task.declared)
        return over(node) if self.closed else self._say(str(node["message"]), requeue)

    def trouble(self, error: CrossoverError, longest: float) -> Reply:
        """Asking again makes sense; what is wrong is said once."""
        return self._say(f"waiting: {error.detail}", error.retry_after or longest)

    def _say(self, message: str, requeue: float) -> Reply:
        now = self._clock()
        if message == self._told or (self._told is not None and now - self._told_at < TELL_EVERY):
            return silent(requeue)
        self._told, self._told_at = message, now
        return told(pending(message), requeue)
