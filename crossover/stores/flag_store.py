"""Where versions of the flag document are kept. One contract, one suite of tests for all stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from crossover.flags.version import Version


class VersionConflict(Exception):
    """Somebody else wrote meanwhile. `head` is what the store holds now."""

    def __init__(self, head: Version | None) -> None:
        super().__init__("the flag document has changed meanwhile")
        self.head = head


class ReadOnlyStore(Exception):
    """This store is not written through us. The text says where to make the change instead."""


class FlagStore(Protocol):
    """Every call ends within its time limit, and raises StoreAway (crossover.stores.leases) when the store
    cannot be reached, or ValueError when what it holds is no version, naming what is wrong."""

    @property
    def writable(self) -> bool: ...

    async def head(self) -> Version | None:
        """The newest version; None for a store that holds none."""
        ...

    async def put(self, version: Version) -> None:
        """Keeps `version` if it follows the head: its number is the next, its `previous` the head's digest.

        Writing the head itself again succeeds, so that a caller whose answer was lost may repeat.
        Raises VersionConflict, ReadOnlyStore.
        """
        ...

    async def replace(self, version: Version) -> None:
        """An operator's word: `version` becomes the head whatever the store holds. Raises ReadOnlyStore."""
        ...

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[Version]:
        """Newest first, those with a number below `before`. At least the last 1,000 are kept."""
        ...

    async def digest_of(self, number: int) -> str | None:
        """The digest of that version as this store has it; None when it does not have it (any more)."""
        ...

    def changes(self) -> AbstractAsyncContextManager[AsyncIterator[None]]:
        """Yields at once after each change that the store tells of. A hint only: readers look by themselves
        too. The iterator ends when the store's connection does."""
        ...

    async def aclose(self) -> None: ...
