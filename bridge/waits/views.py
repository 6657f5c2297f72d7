"""A view with its body: built once when a run changes, sent to all who wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.steps.engine import Outcome, QueueHealth, Snapshot
from bridge.steps.view import LinkBases, run_view
from crossover.contract.run import Phase, tenant_of
from crossover.strict_json import dump_json


@dataclass(frozen=True, slots=True)
class View:
    """The run view, and the same as JSON bytes."""

    data: dict[str, Any]
    body: bytes
    revision: str
    closed: bool

    def answers(self, revision: str | None) -> bool:
        """Whether a client waits no longer: the run is over, or has changed since `revision`."""
        return self.closed or (revision is not None and revision != self.revision)


@dataclass(frozen=True, slots=True)
class Views:
    """Makes views; holds what all of them share."""

    links: LinkBases

    def build(self, snapshot: Snapshot, outcome: Outcome | None, queue: QueueHealth | None) -> View:
        tenant = tenant_of(snapshot.ref.id) or ""
        data = run_view(snapshot, outcome, queue, tenant=tenant, now=datetime.now(UTC), links=self.links)
        closed = Phase(data["phase"]).closed
        return View(data, dump_json(data), data["revision"], closed)
