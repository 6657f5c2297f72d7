"""For an installation without Redis and files: nothing is kept, and whoever asks is told what to set."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from crossover.audit import Entry
from crossover.audit_chain import Link
from crossover.flags.version import Version
from crossover.stores.flag_store import ReadOnlyStore
from crossover.stores.leases import StoreAway


class NoFlags:
    """A FlagStore without flags: everything is legacy."""

    writable = False

    async def head(self) -> Version | None:
        return None

    async def put(self, version: Version) -> None:
        raise ReadOnlyStore("This bridge keeps no flags: set redis_url or flags_file.")

    async def replace(self, version: Version) -> None:
        await self.put(version)

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[Version]:
        return []

    async def digest_of(self, number: int) -> str | None:
        return None

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[None], None]:
        yield _never()

    async def aclose(self) -> None:
        """Nothing is open."""


class NoAudit:
    """A Sink that keeps nothing: the audit is on standard output alone."""

    async def append(self, entries: Sequence[Entry]) -> None:
        """They were logged when they were recorded."""

    async def read(self, *, tenant: str | None, after: str | None, limit: int) -> list[Entry]:
        raise StoreAway("it is on standard output alone; set redis_url or audit_file.")

    async def verify(self, witnesses: Mapping[str, Link]) -> list[str]:
        raise StoreAway("it is on standard output alone; set redis_url or audit_file.")

    async def aclose(self) -> None:
        """Nothing is open."""


async def _never() -> AsyncGenerator[None, None]:
    return
    yield
