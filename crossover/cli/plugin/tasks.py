"""What the agent has asked for: whose tasks they are, and what it was told of an outage."""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from typing import Any, NamedTuple

KEY = "crossover"
"""Ours under `template.plugin`."""

MOST = 10_000
TELL_EVERY = 60.0
"""Seconds between two words about one outage."""


class Workflow(NamedTuple):
    namespace: str
    name: str
    uid: str


class Task:
    """One request that the agent repeats. `away` is set from an outage on, until the bridge has answered."""

    __slots__ = ("_told_at", "away", "ours")

    def __init__(self, ours: bool) -> None:
        self.ours = ours
        self.away = False
        self._told_at: float | None = None

    def tells(self) -> bool:
        """Whether it is time to say what is wrong."""
        now = time.monotonic()
        if self._told_at is not None and now - self._told_at < TELL_EVERY:
            return False
        self._told_at = now
        return True

    def answered(self) -> None:
        self.away, self._told_at = False, None


class Tasks:
    """Each request is parsed once: its repeats are the very same bytes."""

    def __init__(self) -> None:
        self._tasks: OrderedDict[bytes, Task] = OrderedDict()
        self.workflows: set[Workflow] = set()

    def of(self, body: bytes) -> Task:
        digest = hashlib.blake2b(body, digest_size=16).digest()
        task = self._tasks.get(digest)
        if task is None:
            task = self._tasks[digest] = Task(self._read(body))
            if len(self._tasks) > MOST:
                self._tasks.popitem(last=False)
        return task

    def _read(self, body: bytes) -> bool:
        """Whether the bridge has to be asked: also about what cannot be read, for it says why."""
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            return True
        plugin = _at(asked, "template", "plugin")
        if isinstance(plugin, dict) and KEY not in plugin:
            return False
        metadata = _at(asked, "workflow", "metadata")
        found = [_at(metadata, key) for key in ("namespace", "name", "uid")]
        if all(isinstance(each, str) for each in found):
            self.workflows.add(Workflow(*found))
        return True


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
