"""Changing the flag document: by an edit, with a reason, against the version it was made for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from crossover.audit import Audit, Event
from crossover.errors import InvalidField, NotFound, PreconditionFailed, StoreConflict, Unavailable
from crossover.flags.effects import Effect, effects
from crossover.flags.lint import shadowed
from crossover.flags.model import Document
from crossover.flags.version import Change, Version
from crossover.identity import PLATFORM, Principal, Role
from crossover.stores.file_flags import FILE
from crossover.stores.flag_keeper import FlagKeeper, StoreRefused
from crossover.stores.flag_store import FlagStore, ReadOnlyStore, VersionConflict
from crossover.stores.leases import StoreAway

Edit = Callable[[Document], Document]


@dataclass(frozen=True, slots=True)
class Author:
    """On whose word, why, and by which request."""

    principal: Principal
    reason: str
    request_id: str = ""

    def change(self, action: str) -> Change:
        return Change(self.principal.name, self.reason, datetime.now(UTC), action, self.request_id)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change did, or (dry run) would do. `version` is None for a dry run."""

    document: Document
    version: Version | None
    effects: list[Effect]
    shadowed: list[str]


class Changes:
    """All writes to the flag document, each of them audited.

    Args:
        tenants: those known to this installation: for them a change's effects are told.
    """

    def __init__(self, store: FlagStore, keeper: FlagKeeper, audit: Audit, tenants: Iterable[str]) -> None:
        self.store = store
        self.keeper = keeper
        self._audit = audit
        self._tenants = tuple(tenants)

    async def apply(
        self, edit: Edit, action: str, author: Author, *, if_match: str | None = None, dry_run: bool = False
    ) -> Changed:
        """Makes the edit on what is in force.

        Raises:
            InvalidField: the edit does not make sense; nothing has changed.
            PreconditionFailed: `if_match` is not the version in force.
            StoreConflict, Unavailable: the store does not take it.
        """
        if dry_run:
            return await self._dry(edit, if_match)
        before, version = await self._put(edit, author.change(action), if_match)
        document = version.document if version else before.document if before else Document()
        if version is not None:
            self._record(author, action, before, version)
        return await self._changed(before, document, version)

    async def revert(self, number: int, author: Author, *, dry_run: bool = False) -> Changed:
        """Makes an earlier version's document the newest. Raises NotFound for a version that is not kept."""
        old = await self.version(number)
        return await self.apply(lambda _: old.document, "revert", author, dry_run=dry_run)

    async def version(self, number: int) -> Version:
        """Raises NotFound, Unavailable."""
        found = await self.history(before=number + 1, limit=1)
        if not found or found[0].number != number:
            raise NotFound(f"There is no version {number} of the flags (any more).")
        return found[0]

    async def history(self, *, before: int | None, limit: int) -> list[Version]:
        """Newest first. Raises Unavailable."""
        try:
            return await self.store.history(before=before, limit=limit)
        except (StoreAway, ValueError) as error:
            raise _away(error) from None

    async def restore(self, side: Literal["replica", "store"], author: Author) -> Version:
        """An operator's word on which is right: what this replica knows, or what the store holds."""
        before = self.keeper.current
        try:
            version = await self.keeper.restore(side, author.change("restore"))
        except (ReadOnlyStore, ValueError) as error:
            raise StoreConflict(f"{error}") from None
        except StoreAway as error:
            raise _away(error) from None
        self._record(author, "restore", before, version)
        return version

    async def follow(self) -> None:
        """Records changes that were made in a file, past the API, until cancelled."""
        seen = self.keeper.current
        while True:
            version = await self.keeper.wait_for_change(seen.number if seen else 0)
            if version.change.who == FILE:
                author = Author(Principal(FILE, PLATFORM, Role.VIEWER), version.change.why)
                self._record(author, version.change.action, seen, version)
            seen = version

    async def _dry(self, edit: Edit, if_match: str | None) -> Changed:
        before = self.keeper.current
        _check_match(before, if_match)
        return await self._changed(before, _edited(before, edit), None)

    async def _put(
        self, edit: Edit, change: Change, if_match: str | None
    ) -> tuple[Version | None, Version | None]:
        """The version that was edited, and what it became: None when the edit changes nothing."""
        edited: Version | None = None

        def build(head: Version | None) -> Version:
            nonlocal edited
            edited = head
            _check_match(head, if_match)
            document = _edited(head, edit)
            if head is not None and document == head.document:
                raise _Unchanged
            return head.followed_by(document, change) if head else Version.first(document, change)

        try:
            version = await self.keeper.put(build, _etag(if_match))
            return edited, version
        except _Unchanged:
            return edited, None
        except VersionConflict:
            raise PreconditionFailed(_MEANWHILE) from None
        except (ReadOnlyStore, StoreRefused) as error:
            raise StoreConflict(f"{error}") from None
        except StoreAway as error:
            raise _away(error) from None

    async def _changed(self, before: Version | None, document: Document, version: Version | None) -> Changed:
        """Thousands of tenants take a second to compare: others are served meanwhile."""
        old = before.document if before else None
        moved = await asyncio.to_thread(effects, old, document, self._tenants)
        return Changed(document, version, moved, await asyncio.to_thread(shadowed, document))

    def _record(self, author: Author, action: str, before: Version | None, after: Version | None) -> None:
        self._audit.record(
            Event(
                who=author.principal.name,
                tenant=PLATFORM,
                action=f"flags.{action}",
                subject="flags",
                why=author.reason,
                before=_summary(before),
                after=_summary(after),
                request_id=author.request_id,
            )
        )


NO_VERSION = '"0"'
"""The ETag of flags that nobody has written yet."""


class _Unchanged(Exception):
    """The edit leaves the document as it is."""


_MEANWHILE = "The flags have changed since you read them: read them again, and repeat the change."


def _etag(if_match: str | None) -> str | None:
    """The one version that is meant, so that a replica which is a moment behind looks at the store first."""
    one = if_match and if_match not in ("*", NO_VERSION) and "," not in if_match
    return if_match if one else None


def _check_match(current: Version | None, if_match: str | None) -> None:
    if if_match is None or if_match == "*":
        return
    etag = current.etag if current else NO_VERSION
    if etag not in [tag.strip() for tag in if_match.split(",")]:
        raise PreconditionFailed(_MEANWHILE)


def _edited(before: Version | None, edit: Edit) -> Document:
    try:
        return edit(before.document if before else Document())
    except ValueError as error:
        raise InvalidField(f"{error}.".replace("..", "."), field="(body)") from None


def _away(error: Exception) -> Unavailable:
    return Unavailable(f"The flag store does not answer: {error}", retry_after=2)


def _summary(version: Version | None) -> dict[str, object] | None:
    """The document itself is in the history; the audit names it by number and digest."""
    return {"version": version.number, "digest": version.digest} if version else None
