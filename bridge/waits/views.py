"""A view with its body: built once when a run changes, sent to all who wait for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.steps.engine import Outcome, QueueHealth, Snapshot
from bridge.steps.view import LinkBases, run_view
from crossover.contract.run import Phase, tenant_of
from crossover.strict_json import dump_json


class View:
    """The run view, and the same as JSON bytes: made when they are first sent, and once."""

    __slots__ = ("_body", "closed", "data", "revision")

    def __init__(self, data: dict[str, Any], revision: str, closed: bool) -> None:
        self.data = data
        self.revision = revision
        self.closed = closed
        self._body: bytes | None = None

    @property
    def body(self) -> bytes:
        if self._body is None:
            self._body = dump_json(self.data)
        return self._body

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
        return View(data, data["revision"], closed)
