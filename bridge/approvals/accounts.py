"""What is on record of approvals: each step once, by whoever made it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.approvals.record import Kept, State
from bridge.approvals.words import waiting
from crossover.audit import Audit, Event


@dataclass(frozen=True, slots=True)
class Accounts:
    """`count`: takes `requested`, `approved`, `rejected`, `expired` or `withdrawn`."""

    audit: Audit
    count: Callable[[str], None]

    def record(self, kept: Kept, *, who: str, why: str, request_id: str = "") -> None:
        """Never its description and details, which are the tenant's own."""
        verb = "requested" if kept.state is State.PENDING else kept.state.value
        self.count(verb)
        after = {"title": kept.record.title, "waiting": waiting(kept)}
        self.audit.record(
            Event(who, kept.tenant, f"approval.{verb}", kept.id, why=why, after=after, request_id=request_id)
        )
