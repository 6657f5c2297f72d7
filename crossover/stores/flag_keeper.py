"""The flag document in force on this replica: followed from the store, and never flipped in silence."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from crossover.flags.evaluate import Evaluator
from crossover.flags.model import Document
from crossover.flags.version import Change, Version
from crossover.stores.flag_copy import FlagCopy
from crossover.stores.flag_store import FlagStore, VersionConflict
from crossover.stores.flag_succession import RESTORE, objection
from crossover.stores.leases import StoreAway
from crossover.telemetry import get_logger

State = Literal["fresh", "stale", "refused"]

START_WITHIN = 1.0
"""Seconds that a replica waits for its store when it starts."""

PUT_WITHIN = 5.0
"""Seconds for which a put that lost against other writers is built and tried again."""

LONGEST_PAUSE = 3.0
"""Seconds between two looks at a store that stays away, at most."""

SAVE_AGAIN = 30.0
"""Seconds until a copy that could not be saved is tried again."""

_log = get_logger("crossover.stores")


@dataclass(frozen=True, slots=True)
class KeeperStatus:
    """How what is in force relates to the store.

    Args:
        state: `fresh`: it is the store's; `stale`: the store cannot be read; `refused`: the store holds
            something else that does not follow from it, or nothing, or what cannot be read.
        since: when that began; for `stale`, when the store was read last.
        detail: a sentence; for `refused` it says what to do. Empty when fresh.
    """

    state: State
    since: datetime
    detail: str = ""


class StoreRefused(Exception):
    """Nothing can be written, for the store's history is not the one that is in force. `detail` says why."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class FlagKeeper:
    """Call `start` once, then have `run` in a task for as long as the replica lives.

    Args:
        copy: where the last document survives a restart; None to keep none.
        poll: seconds between two looks at the store; changes that it tells of are looked at immediately.
        start_within: seconds that `start` waits for the store.
        killed: evaluates as if the document's kill switch were on: for when no store can be written.
    """

    def __init__(
        self,
        store: FlagStore,
        copy: FlagCopy | None,
        poll: float = 0.5,
        *,
        start_within: float = START_WITHIN,
        killed: bool = False,
    ) -> None:
        self.current: Version | None = None
        self._killed = killed
        self.evaluator = Evaluator(0, Document(kill=killed))
        self.status = KeeperStatus("stale", _now(), "The store has not been read yet.")
        self._store = store
        self._copy = copy
        self._poll = poll
        self._start_within = start_within
        self._read_at = self.status.since
        self._refused = ""  # digest of the head that was refused last
        self._lock = asyncio.Lock()  # else a head that was read before a put would look like an older one
        self._wake = asyncio.Event()
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """The copy, then one look at the store. Never fails."""
        # The copy is waited for: it is this machine's own, and nobody loads it later.
        if self._copy and (copied := await asyncio.to_thread(self._copy.load)):
            self._take(copied)
        try:
            async with asyncio.timeout(self._start_within):
                await self._look()
        except TimeoutError:
            self._stale(f"The flag store did not answer within {self._start_within:g} s.")

    async def run(self) -> None:
        """Follows the store until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(), name="flags: follow")
            tasks.create_task(self._listen(), name="flags: listen")
            tasks.create_task(self._save(), name="flags: save")

    async def put(self, build: Callable[[Version | None], Version], expected_etag: str | None) -> Version:
        """Writes what `build` makes of the version in force; it is in force here when this returns.

        Without `expected_etag` a put that lost against another is built and tried again, for PUT_WITHIN.
        Raises what `build` raises; VersionConflict when another version than expected is in force;
        StoreRefused; StoreAway (written or not: repeating is safe, with an etag); ReadOnlyStore.
        """
        async with self._lock:
            until = time.monotonic() + PUT_WITHIN
            await self._expect(expected_etag)
            while True:
                version = build(self.current)
                try:
                    await self._write(version)
                except VersionConflict:
                    await self._catch_up()
                    await self._expect(expected_etag)
                    if time.monotonic() > until:
                        raise VersionConflict(self.current) from None
                    await asyncio.sleep(random.uniform(0, 0.02))
                else:
                    self._fresh(version)
                    return version

    async def restore(self, from_: Literal["replica", "store"], change: Change) -> Version:
        """An operator's word, when a store was refused: `from_` says whose document goes on, everywhere.

        It becomes a version of its own, numbered above both. Raises ValueError when `from_` has none;
        StoreAway; ReadOnlyStore.
        """
        async with self._lock:
            head = await self._readable_head() if from_ == "replica" else await self._store.head()
            chosen = self.current if from_ == "replica" else head
            if chosen is None:
                raise ValueError(f"The {from_} holds no flags that could be restored.")
            number = 1 + max(each.number for each in (self.current, head) if each is not None)
            change = replace(change, action=RESTORE)
            version = Version.of(number, chosen.digest, chosen.document, change)
            await self._store.replace(version)
            self._fresh(version)
            return version

    async def wait_for_change(self, after: int) -> Version:
        """The version in force, as soon as its number is above `after`. The caller sets the limit."""
        while self.current is None or self.current.number <= after:
            await self._changed.wait()
        return self.current

    async def _readable_head(self) -> Version | None:
        try:
            return await self._store.head()
        except ValueError:
            return None

    async def _expect(self, etag: str | None) -> None:
        """Raises VersionConflict unless the version of that etag is in force, or the store's newest."""
        if etag is None or self._is(etag):
            return
        await self._catch_up()
        if not self._is(etag):
            raise VersionConflict(self.current)

    def _is(self, etag: str) -> bool:
        return self.current is not None and self.current.etag == etag

    async def _catch_up(self) -> None:
        """Raises StoreAway, StoreRefused."""
        try:
            await self._read()
        except StoreAway as away:
            self._stale(away.detail)
            raise
        if self.status.state == "refused":
            raise StoreRefused(self.status.detail)

    async def _write(self, version: Version) -> None:
        try:
            await self._store.put(version)
        except StoreAway:
            await self._write_again(version)
        except ValueError as error:
            raise StoreRefused(str(error)) from None

    async def _write_again(self, version: Version) -> None:
        # Whether it was written is not known, and others may have written on top of it.
        try:
            await self._store.put(version)
        except VersionConflict:
            if await self._store.digest_of(version.number) != version.digest:
                raise

    async def _look(self) -> None:
        async with self._lock:
            try:
                await self._read()
            except StoreAway as away:
                self._stale(away.detail)
            except Exception as error:  # whatever it is, decisions go on, and so does following
                _log.exception("the flag store could not be read")
                self._stale(f"The flag store could not be read ({type(error).__name__}).")

    async def _read(self) -> None:
        """Takes or refuses what the store holds. Raises StoreAway."""
        try:
            head = await self._store.head()
            detail = await self._objection(head)
        except ValueError as error:
            head, detail = None, f"The flag store cannot be understood: {error}"
        self._read_at = _now()
        if detail is None:
            self._fresh(head)
        else:
            self._refused = head.digest if head else ""
            self._set("refused", self._read_at, detail)

    async def _objection(self, head: Version | None) -> str | None:
        refused = self.status.state == "refused" and head is not None and head.digest == self._refused
        return self.status.detail if refused else await objection(self._store, self.current, head)

    def _fresh(self, version: Version | None) -> None:
        if version is not None and (self.current is None or version.digest != self.current.digest):
            self._take(version)
        self._refused = ""
        self._set("fresh", _now(), "")

    def _take(self, version: Version) -> None:
        self.current = version
        document = version.document.model_copy(update={"kill": True}) if self._killed else version.document
        self.evaluator = Evaluator(version.number, document)
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def _stale(self, detail: str) -> None:
        self._set("stale", self._read_at, detail)

    def _set(self, state: State, since: datetime, detail: str) -> None:
        if (self.status.state, self.status.detail) == (state, detail):
            return
        if self.status.state == state:
            since = self.status.since
        else:
            log = _log.info if state == "fresh" else _log.warning
            version = self.current.number if self.current else 0
            log("flags in force", state=state, version=version, reason=detail)
        self.status = KeeperStatus(state, since, detail)

    async def _follow(self) -> None:
        pause = self._poll
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause * random.uniform(0.8, 1.0)):
                    await self._wake.wait()
            self._wake.clear()
            await self._look()
            pause = min(2 * pause, LONGEST_PAUSE) if self.status.state == "stale" else self._poll

    async def _listen(self) -> None:
        pause = self._poll
        while True:
            with suppress(StoreAway):
                async with self._store.changes() as changes:
                    pause = self._poll
                    self._wake.set()  # for what was told before
                    async for _ in changes:
                        self._wake.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _save(self) -> None:
        while self._copy is not None:
            changed, saved = self._changed, True
            if self.current is not None:
                saved = await asyncio.to_thread(self._copy.save, self.current)
            with suppress(TimeoutError):
                async with asyncio.timeout(None if saved else SAVE_AGAIN):
                    await changed.wait()


def _now() -> datetime:
    return datetime.now(UTC)
