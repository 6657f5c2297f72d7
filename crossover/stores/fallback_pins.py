"""One replica's pins: in the shared store, and remembered here for when that is away or has lost them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from itertools import islice
from types import TracebackType

from crossover.flags.decision import Decision
from crossover.stores.leases import StoreAway
from crossover.stores.pins import CAPACITY, Key, LocalPins, Pins, Place, in_order
from crossover.telemetry import get_logger

LOOK_EVERY = 0.5
"""Seconds between two looks whether a store that was away is back."""

AT_ONCE = 8
"""Decisions that are written at once when it is."""

_NOBODY: Key = ("-", "-", "-", "-", "-")

_log = get_logger("crossover.stores")


class FallbackPins:
    """Pins that never raise StoreAway. Use it as a context manager; `aclose` is what its end does.

    The first call that finds the store away waits for its time limit; later ones do not ask it, until a task
    finds it back. What was pinned here meanwhile is then written there, where the first one written still
    wins: a node that two replicas decided differently in an outage is logged and counted.

    Args:
        shared: its time limit is what a decision waits for at most; 0.2 s is right.
    """

    def __init__(self, shared: Pins, local: LocalPins, *, look_every: float = LOOK_EVERY) -> None:
        self.degraded: str | None = None
        self.conflicts = 0
        self._shared = shared
        self._local = local
        self._look_every = look_every
        self._unsent: OrderedDict[Key, Decision] = OrderedDict()
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def unsent(self) -> int:
        """Decisions that only this replica knows so far."""
        return len(self._unsent)

    async def pin(self, decision: Decision) -> Decision:
        """Raises ValueError for a pin that this release cannot read."""
        return await self._share(decision, self._known(decision.key))

    async def find(self, key: Key) -> Decision | None:
        """As `pin`; what the store has lost it gets again."""
        if (known := self._known(key)) is not None:
            return await self._share(known, known)
        if self.degraded is None:
            try:
                found = await self._shared.find(key)
            except StoreAway as away:
                self._degrade(away)
            else:
                if found is not None:
                    self._local.hold(found)  # what was told once is told again, also in an outage
                return found
        return None

    async def of_trace(self, tenant: str, trace_id: str) -> list[Decision]:
        found = {each.key: each for each in await self._local.of_trace(tenant, trace_id)}
        if self.degraded is None:
            try:
                found |= {each.key: each for each in await self._shared.of_trace(tenant, trace_id)}
            except StoreAway as away:
                self._degrade(away)
        return in_order(found.values())

    def place(self, key: Key) -> Place:
        return "replica" if key in self._unsent else "shared"

    async def __aenter__(self) -> FallbackPins:
        self._task = asyncio.create_task(self._send(), name="pins: send")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._unsent:
            _log.warning("decisions of this replica were never shared", decisions=self.unsent)
        await self._shared.aclose()

    def _known(self, key: Key) -> Decision | None:
        return self._local.get(key) or self._unsent.get(key)

    async def _share(self, decision: Decision, known: Decision | None) -> Decision:
        """The decision that holds: in the shared store, or here until that is back."""
        if self.degraded is None:
            try:
                return await self._hand_over(known or decision, known)
            except StoreAway as away:
                self._degrade(away)
        held = await self._local.pin(known or decision)
        self._keep(held)
        return held

    async def _hand_over(self, decision: Decision, known: Decision | None) -> Decision:
        """Raises StoreAway."""
        held = await self._shared.pin(decision)
        self._unsent.pop(held.key, None)
        self._local.hold(held)
        if known is not None and held.variant is not known.variant:
            self.conflicts += 1
            _log.warning("a node was decided twice", key=held.key, here=known.variant, holds=held.variant)
        return held

    def _keep(self, decision: Decision) -> None:
        self._unsent[decision.key] = decision
        if len(self._unsent) > CAPACITY:
            self._unsent.popitem(last=False)
        self._work.set()

    def _degrade(self, away: StoreAway) -> None:
        if self.degraded is None:
            _log.warning("decisions are pinned by this replica alone", reason=away.detail)
        self.degraded = away.detail
        self._work.set()

    async def _send(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._send_all()
            except StoreAway as away:
                self._degrade(away)
                await asyncio.sleep(self._look_every)

    async def _send_all(self) -> None:
        """Raises StoreAway."""
        if not self._unsent:
            await self._shared.find(_NOBODY)
        while self._unsent:
            batch = list(islice(self._unsent.values(), AT_ONCE))
            sent = (self._hand_over(each, each) for each in batch)
            results = await asyncio.gather(*sent, return_exceptions=True)
            for decision, result in zip(batch, results, strict=True):
                self._look_at(decision, result)
            self._back()
        self._back()

    def _look_at(self, decision: Decision, result: Decision | BaseException) -> None:
        if isinstance(result, ValueError):
            self._unsent.pop(decision.key, None)
            _log.warning("a pinned decision cannot be read", key=decision.key, reason=str(result))
        elif isinstance(result, BaseException):
            raise result

    def _back(self) -> None:
        if self.degraded is not None:
            _log.warning("the store of decisions is back", unsent=self.unsent)
            self.degraded = None
