"""The flag document in a file: what a ConfigMap or a Git checkout holds, or a laptop.

The file is the document alone, JSON or (by its suffix) YAML. Whoever changes it has the last word: the
change becomes the next version. Versions are numbered, and kept, in a directory of this replica.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from crossover.flags.model import Document
from crossover.flags.version import Change, Version
from crossover.stores.atomic_file import write_atomically
from crossover.stores.document_file import dump_document, parse_document
from crossover.stores.file_versions import FileVersions
from crossover.stores.flag_store import ReadOnlyStore, VersionConflict
from crossover.stores.leases import StoreAway

FILE = "file"
"""Who changed the document, and by which action, when it was not through us."""

KEPT = 1000
"""Versions."""

LOOK_EVERY = 0.2
"""Seconds between two looks whether the file has changed."""

MAX_BYTES = 4 * 2**20

T = TypeVar("T")


class FileFlags:
    """A FlagStore on one file.

    Args:
        writable: whether versions are put into the file; comments in it are lost then.
        state: directory of the versions; replicas on one machine may share it.
        timeout: seconds for one call.
        kept: versions that the history goes back.
    """

    def __init__(
        self, path: Path, *, writable: bool, state: Path, timeout: float = 1.0, kept: int = KEPT
    ) -> None:
        self._path = path
        self._writable = writable
        self._yaml = path.suffix in (".yaml", ".yml")
        self._versions = FileVersions(state, kept=kept)
        self._timeout = timeout
        self._parsed: tuple[bytes, Document] | None = None
        # A thread of its own: a file system that hangs must not take those that others need.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="flags")

    @property
    def writable(self) -> bool:
        return self._writable

    async def head(self) -> Version | None:
        """Raises ValueError naming the place for a file that is no document, and one that is gone."""
        return await self._alone(self._head)

    async def put(self, version: Version) -> None:
        await self._alone(lambda: self._put(version))

    async def replace(self, version: Version) -> None:
        """As FlagStore has it; in a file that is not written through us, only what it says already."""
        await self._alone(lambda: self._replace(version))

    async def history(self, *, before: int | None = None, limit: int = 50) -> list[Version]:
        return await self._alone(lambda: self._history(before, limit))

    async def digest_of(self, number: int) -> str | None:
        version = await self._alone(lambda: self._versions.read(number))
        return version.digest if version else None

    @asynccontextmanager
    async def changes(self) -> AsyncGenerator[AsyncIterator[None], None]:
        yield self._looks(await self._in_thread(self._mark))

    async def aclose(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _looks(self, seen: object) -> AsyncIterator[None]:
        with suppress(StoreAway):
            while True:
                await asyncio.sleep(LOOK_EVERY)
                if (mark := await self._in_thread(self._mark)) != seen:
                    seen = mark
                    yield

    async def _alone(self, work: Callable[[], T]) -> T:
        """Raises what `work` raises, and StoreAway."""

        def locked() -> T:
            with self._versions.lock(self._timeout):
                return work()

        return await self._in_thread(locked)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except TimeoutError:
            raise StoreAway(f"{self._path} cannot be reached within {self._timeout:g} s.") from None
        except OSError as error:
            raise StoreAway(f"{self._path} cannot be read or written: {error}.") from error

    def _head(self) -> Version | None:
        known, document = self._versions.newest(), self._document()
        if document is None:
            if known is not None:
                raise ValueError(f"{self._path} is missing")
            return None
        if known is not None and known.document == document:
            return known
        version = self._proposed(known, document) or self._changed(known, document)
        self._versions.add(version)
        return version

    def _proposed(self, known: Version | None, document: Document) -> Version | None:
        """The put that a crash kept from being recorded."""
        version = self._versions.proposed()
        later = version is not None and version.number > (known.number if known else 0)
        return version if version is not None and later and version.document == document else None

    def _changed(self, known: Version | None, document: Document) -> Version:
        at = datetime.fromtimestamp(self._path.stat().st_mtime, UTC)
        change = Change(FILE, f"{self._path.name} was changed", at, FILE)
        return known.followed_by(document, change) if known else Version.first(document, change)

    def _put(self, version: Version) -> None:
        self._check_writable()
        head = self._head()
        if head is not None and head.digest == version.digest:
            return
        number, digest = (head.number, head.digest) if head else (0, "")
        if (version.number, version.previous) != (number + 1, digest):
            raise VersionConflict(head)
        self._write(version)

    def _replace(self, version: Version) -> None:
        if self._writable:
            self._write(version)
        elif self._document() == version.document:
            self._versions.add(version)
        else:
            self._check_writable()

    def _check_writable(self) -> None:
        if not self._writable:
            raise ReadOnlyStore(f"The flags are read from {self._path}: make the change in that file.")

    def _write(self, version: Version) -> None:
        self._versions.propose(version)
        try:
            write_atomically(self._path, dump_document(version.document, as_yaml=self._yaml))
        except OSError:
            self._versions.withdraw()
            raise
        self._versions.add(version)

    def _history(self, before: int | None, limit: int) -> list[Version]:
        with suppress(ValueError):
            self._head()  # what the file says now is part of it
        return self._versions.before(before, limit)

    def _document(self) -> Document | None:
        """Raises ValueError."""
        try:
            with self._path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        if len(content) > MAX_BYTES:
            raise ValueError(f"{self._path} is larger than {MAX_BYTES} bytes")
        if self._parsed is None or self._parsed[0] != content:
            try:
                self._parsed = content, parse_document(content, as_yaml=self._yaml)
            except ValueError as error:
                raise ValueError(f"{self._path}: {error}") from None
        return self._parsed[1]

    def _mark(self) -> object:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size
