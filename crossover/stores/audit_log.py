"""Records events without making anybody wait, and has them written in order, each once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Protocol

from crossover.audit import Entry, Event
from crossover.audit_chain import START, Link, safe, seal
from crossover.identity.principal import PLATFORM
from crossover.stores.leases import StoreAway
from crossover.telemetry import get_logger

COLLECT = 0.1
"""Seconds that events wait for others to be written with."""

BATCH = 100
"""Entries per call to the sink."""

WAITING_LIMIT = 10_000
"""Events kept while the sink is away: about 100 MB if each has all that it may hold."""

CLOSING = 2.0
"""Seconds for the last entries."""

READ_LIMIT = 500
"""Entries per read."""

_BACKOFF = (0.2, 2.0)

_events = get_logger("audit")
_log = get_logger("crossover.stores")


class Sink(Protocol):
    """Where entries are kept. Every call ends within its time limit; all raise StoreAway."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """Keeps entries of one writer, in order. Those that are there already are no error."""
        ...

    async def read(self, *, tenant: str | None, after: str | None, limit: int) -> list[Entry]:
        """Newest first; see Audit.read. Raises ValueError for an id that is not of this sink."""
        ...

    async def verify(self, witnesses: Mapping[str, Link]) -> list[str]:
        """What is wrong, a sentence each. `witnesses`: by writer, an entry known to have been written."""
        ...

    async def aclose(self) -> None: ...


class AuditLog:
    """An Audit over a sink. `start` it in the event loop that records; `aclose` writes what is left.

    Each process is a writer of its own, with a chain of its own. While the sink is away events wait; when too
    many do, the oldest are left to standard output alone, and an entry `audit.dropped` says how many. The log
    line of an event is written at once, and never left out by a log level.

    Args:
        waiting_limit: events.
        closing: seconds that `aclose` takes to write at most.
    """

    def __init__(self, sink: Sink, *, waiting_limit: int = WAITING_LIMIT, closing: float = CLOSING) -> None:
        self.writer = uuid.uuid4().hex[:16]
        self.away: str | None = None
        self.dropped = 0
        self._sink = sink
        self._limit = waiting_limit
        self._closing = closing
        self._waiting: deque[tuple[datetime, Event]] = deque()
        self._batch: list[Entry] = []
        self._last = START
        self._untold = 0
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        logging.getLogger("audit").setLevel(logging.INFO)

    @property
    def waiting(self) -> int:
        """Events that are not written yet."""
        return len(self._waiting) + len(self._batch)

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name="audit")

    def record(self, event: Event) -> None:
        event = safe(event)
        _events.info(event.action, **{key: value for key, value in asdict(event).items() if key != "action"})
        if len(self._waiting) >= self._limit:
            self._waiting.popleft()
            self.dropped += 1
            self._untold += 1
        self._waiting.append((datetime.now(UTC), event))
        self._wake.set()

    async def read(self, *, tenant: str | None, after: str | None, limit: int) -> Sequence[Entry]:
        """At most 500 at a time. Raises StoreAway, and ValueError for an `after` that is no entry's id."""
        return await self._sink.read(tenant=tenant, after=after, limit=max(1, min(limit, READ_LIMIT)))

    async def verify(self) -> Sequence[str]:
        """Also checks that what this process wrote last is still there."""
        return await self._sink.verify({self.writer: self._last} if self._last != START else {})

    async def aclose(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        try:
            async with asyncio.timeout(self._closing):
                await self._write()
        except Exception as error:  # whatever it is, closing goes on
            _log.error("audit entries are left to the log alone", count=self.waiting, reason=_reason(error))
        await self._sink.aclose()

    async def _keep(self) -> None:
        pause = _BACKOFF[0]
        while True:
            await self._wake.wait()
            await asyncio.sleep(COLLECT)
            self._wake.clear()
            try:
                await self._write()
                pause = _BACKOFF[0]
            except Exception as error:  # a sink's bug must not end the audit of a replica
                self._is_away(error)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _BACKOFF[1])
                self._wake.set()

    async def _write(self) -> None:
        while self._batch or self._waiting:
            if not self._batch:
                self._seal()
            await self._sink.append(self._batch)
            self._written()

    def _seal(self) -> None:
        """Events become entries only now, so that those that were dropped leave no gap in the chain."""
        if self._untold:
            self._waiting.appendleft((datetime.now(UTC), self._telling()))
            self._untold = 0
        link = self._last
        for _ in range(min(BATCH, len(self._waiting))):
            at, event = self._waiting.popleft()
            self._batch.append(seal(event, self.writer, link.number + 1, link.hash, at))
            link = Link(self._batch[-1].number, self._batch[-1].hash)

    def _written(self) -> None:
        self._last = Link(self._batch[-1].number, self._batch[-1].hash)
        self._batch = []
        _log.info("audit written", writer=self.writer, number=self._last.number, hash=self._last.hash)
        if self.away is not None:
            _log.warning("the audit's store is back", waiting=self.waiting)
            self.away = None

    def _telling(self) -> Event:
        return Event(
            who="crossover",
            tenant=PLATFORM,
            action="audit.dropped",
            subject=self.writer,
            why="The audit's store was away for too long; these events are in the log only.",
            after={"events": self._untold},
        )

    def _is_away(self, error: Exception) -> None:
        if self.away is None:
            _log.warning("the audit's store is away", reason=_reason(error), waiting=self.waiting)
        self.away = _reason(error)


def _reason(error: Exception) -> str:
    return error.detail if isinstance(error, StoreAway) else repr(error)
