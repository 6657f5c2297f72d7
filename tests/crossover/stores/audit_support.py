"""Audits for tests: sinks on a real Redis and on real files, and events to record. Rates on a real Redis."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from crossover.audit import Entry, Event
from crossover.audit_chain import START, Link, seal
from crossover.stores.redis_audit import RedisAudit
from crossover.stores.redis_client import RedisAccess, RedisClient, connect
from crossover.stores.redis_rates import RedisRates
from crossover.stores.redis_url import parse_redis_url
from tests.patience import PATIENCE


def client_on(url: str, timeout: float = PATIENCE) -> RedisClient:
    return connect(parse_redis_url(url), RedisAccess(), timeout=timeout * 0.75)


def redis_audit(
    url: str, *, prefix: str = "crossover", keep: int = 100_000, timeout: float = PATIENCE
) -> RedisAudit:
    return RedisAudit(client_on(url, timeout), prefix=prefix, keep=keep, timeout=timeout)


def redis_rates(url: str, *, prefix: str = "crossover", timeout: float = PATIENCE) -> RedisRates:
    return RedisRates(client_on(url, timeout), prefix=prefix, timeout=timeout)


def event(subject: str = "flag", tenant: str = "acme") -> Event:
    return Event("ada", tenant, "flags.kill", subject, why="errors", after={"on": True})


class Writer:
    """Makes entries of one chain."""

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex[:16]
        self.last = START

    def entries(self, *events: Event) -> list[Entry]:
        made = []
        for each in events:
            entry = seal(each, self.name, self.last.number + 1, self.last.hash, datetime.now(UTC))
            self.last = Link(entry.number, entry.hash)
            made.append(entry)
        return made

    def some(self, count: int, tenant: str = "acme") -> list[Entry]:
        first = self.last.number + 1
        return self.entries(*(event(f"s{number}", tenant) for number in range(first, first + count)))

    @property
    def witness(self) -> dict[str, Link]:
        return {self.name: self.last}


def subjects(entries: Sequence[Entry]) -> list[str]:
    return [entry.event.subject for entry in entries]


async def until(condition: Callable[[], bool], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.02)
