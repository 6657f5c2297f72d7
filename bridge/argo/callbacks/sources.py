"""What callbacks need of the rest of the bridge."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from bridge.argo.server import Completion
from bridge.argo.workflows import Workflow
from bridge.steps.engine import RunRef, Snapshot
from crossover.contract.run import ArgoNode, Mode, OnCancel


class TiedRuns(Protocol):
    """Temporal, which knows what is owed whoever dies. Errors are those of `crossover.errors`."""

    def open_tied(self, namespace: str, modes: Sequence[Mode]) -> AsyncIterator[Sequence[Snapshot]]:
        """Open runs of the modes, page by page, as visibility knows them."""
        ...

    def closed_callbacks(self, namespace: str, since: datetime) -> AsyncIterator[Sequence[Snapshot]]:
        """Runs of the mode callback that closed at or after `since`, page by page."""
        ...

    async def describe(self, ref: RunRef, run_id: str | None = None) -> Snapshot:
        """The newest run of the id. Raises NotFound."""
        ...


class RunView(Protocol):
    """A run view, and whether the run is over."""

    @property
    def data(self) -> dict[str, Any]: ...

    @property
    def closed(self) -> bool: ...


class Waits(Protocol):
    """The hub: all that wait share its calls."""

    async def wait(self, ref: RunRef, *, timeout: float, revision: str | None) -> RunView:
        """The view once the run is over, at the latest after `timeout` seconds."""
        ...


class Cancelling(Protocol):
    """Promises, asks, and terminates when the grace is over."""

    async def cancel(self, run: Snapshot, *, mode: OnCancel, grace: float, reason: str) -> None: ...


class Workflows(Protocol):
    """Where Workflows are read."""

    async def get(self, node: ArgoNode) -> Mapping[str, Any] | None:
        """None when it does not exist. Raises Unavailable."""
        ...


class Completing(Workflows, Protocol):
    """The Argo Server."""

    async def set(self, node: ArgoNode, node_id: str, completion: Completion) -> Workflow | None:
        """See `ArgoServer.set`."""
        ...
