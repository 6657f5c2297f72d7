"""Whether what a store holds may take the place of what is in force: only what follows from it may."""

from __future__ import annotations

from crossover.flags.version import Version
from crossover.stores.flag_store import FlagStore
from crossover.telemetry import get_logger

RESTORE = "restore"
"""`Change.action` of an operator's word on which of two histories goes on; replicas take it as such."""

_log = get_logger("crossover.stores")


async def objection(store: FlagStore, known: Version | None, head: Version | None) -> str | None:
    """Why `head` is not to be taken by who knows `known`, and what to do; None when it may be.

    A store that lost its last writes, that was emptied, or that came back with an older snapshot (and was
    written to since) would else flip tenants in silence. Raises what the store raises.
    """
    if known is None or (head is not None and head.digest == known.digest):
        return None
    if head is None:
        return _refusal("holds no flags any more", known)
    if head.number < known.number:
        return _refusal(f"went back to version {head.number}", known)
    if head.number > known.number and await _follows(store, known):
        return None
    return _refusal(f"holds a version {head.number} that does not follow from it", known)


async def _follows(store: FlagStore, known: Version) -> bool:
    """Whether the store's history contains what is known, or an operator's word after it."""
    theirs = await store.digest_of(known.number)
    if theirs is None:
        _log.warning("the flag store no longer holds what was in force", version=known.number)
    if theirs is None or theirs == known.digest:
        return True
    later = (each for each in await store.history(limit=1000) if each.number > known.number)
    return any(each.change.action == RESTORE for each in later)


def _refusal(what: str, known: Version) -> str:
    return (
        f"The flag store {what}: version {known.number} stays in force here. Look at both with `crossover "
        "flags status`, then say which one goes on with `crossover flags restore`."
    )
