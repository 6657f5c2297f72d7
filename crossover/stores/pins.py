"""Where decisions are pinned, so that retries, restarts and other replicas get the same again."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Literal, Protocol

from crossover.flags.decision import Decision

Key = tuple[str, str, str, str, str]
"""`Decision.key`."""

Place = Literal["shared", "replica"]

OF_TRACE = 500
"""Decisions of one trace that are listed: the newest."""

CAPACITY = 100_000
"""Decisions that one replica remembers."""


class Pins(Protocol):
    """Calls raise StoreAway (crossover.stores.leases) within their time limit, unless a class says otherwise,
    and ValueError for a pin that this release cannot read."""

    async def pin(self, decision: Decision) -> Decision:
        """The decision that holds for `decision.key`: the first one written. Safe to repeat."""
        ...

    async def find(self, key: Key) -> Decision | None: ...

    async def of_trace(self, tenant: str, trace_id: str) -> list[Decision]:
        """Oldest first, the newest OF_TRACE of them."""
        ...

    def place(self, key: Key) -> Place:
        """Who keeps what was pinned under `key`: all replicas' store, or (so far) this replica alone."""
        ...

    async def aclose(self) -> None: ...


class LocalPins:
    """Pins in this process; beyond `capacity` the one that was not asked for the longest is forgotten."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._pins: OrderedDict[Key, Decision] = OrderedDict()
        self._traces: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._pins)

    async def pin(self, decision: Decision) -> Decision:
        if (held := self.get(decision.key)) is not None:
            return held
        self.hold(decision)
        return decision

    async def find(self, key: Key) -> Decision | None:
        return self.get(key)

    async def of_trace(self, tenant: str, trace_id: str) -> list[Decision]:
        keys = self._traces.get((tenant, trace_id), set())
        return in_order(self._pins[key] for key in keys)

    def place(self, key: Key) -> Place:
        return "replica"

    async def aclose(self) -> None:
        """Nothing is open."""

    def get(self, key: Key) -> Decision | None:
        if (held := self._pins.get(key)) is not None:
            self._pins.move_to_end(key)
        return held

    def hold(self, decision: Decision) -> None:
        """Remember the decision instead of what was remembered for its key."""
        self._forget(decision.key)
        self._pins[decision.key] = decision
        self._traces[_trace(decision)].add(decision.key)
        if len(self._pins) > self._capacity:
            self._forget(next(iter(self._pins)))

    def _forget(self, key: Key) -> None:
        if (held := self._pins.pop(key, None)) is None:
            return
        keys = self._traces[_trace(held)]
        keys.discard(key)
        if not keys:
            del self._traces[_trace(held)]


def in_order(decisions: Iterable[Decision]) -> list[Decision]:
    """As `of_trace` lists them."""
    return sorted(decisions, key=lambda each: (each.decided_at, each.key))[-OF_TRACE:]


def _trace(decision: Decision) -> tuple[str, str]:
    return decision.context.tenant, decision.trace_id
