"""The audit: who did what to what, when, why, from what to what. Entries are chained; see `Entry`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Event:
    """What is to be recorded.

    Args:
        tenant: whose audit it belongs to; PLATFORM (`*`) for what belongs to none.
        action: a stable word, `noun.verb`: `flags.kill`, `run.cancel`, `decision.made`, `rollout.advanced`.
        subject: what was acted upon: a flag, a run id, a node.
        before, after: JSON values, or None. Never a token, an input or an output of a run.
        outcome: `done`, or `refused`.
    """

    who: str
    tenant: str
    action: str
    subject: str
    why: str = ""
    before: Any = None
    after: Any = None
    request_id: str = ""
    outcome: str = "done"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event as it was recorded.

    Each writer (a replica's process) keeps a chain of its own: `number` counts from 1, and `hash` covers the
    entry and `previous`, the hash before it. A changed, dropped or inserted entry breaks its writer's chain.
    """

    id: str
    at: datetime
    writer: str
    number: int
    previous: str
    hash: str
    event: Event

    def to_json(self) -> Mapping[str, Any]:
        event = self.event
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "who": event.who,
            "tenant": event.tenant,
            "action": event.action,
            "subject": event.subject,
            "why": event.why,
            "before": event.before,
            "after": event.after,
            "request_id": event.request_id,
            "outcome": event.outcome,
            "writer": self.writer,
            "number": self.number,
            "previous": self.previous,
            "hash": self.hash,
        }


class Audit(Protocol):
    """Where routes record. Recording never fails or delays what is recorded by more than a moment."""

    def record(self, event: Event) -> None:
        """Takes the event at once; it is written within a second, and kept for later while the store is
        away. Also goes to standard output, as a log line, at once."""
        ...

    async def read(self, *, tenant: str | None, after: str | None, limit: int) -> Sequence[Entry]:
        """Newest first; of one tenant, or of all for None. `after`: the id of the last one read.
        Raises StoreAway."""
        ...

    async def verify(self) -> Sequence[str]:
        """What is wrong with the chains, a sentence each; empty when nothing is. Raises StoreAway."""
        ...

    async def aclose(self) -> None:
        """Writes what is left, within a second or two."""
        ...
