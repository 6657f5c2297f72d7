"""The gateway: all that the bridge asks of Temporal. `bridge.temporal` is its implementation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from bridge.approvals.keeping import Keeping
from bridge.steps.engine import Outcome, QueueHealth, RunRef, Snapshot, Started, StartPlan
from crossover.contract.run import Mode


@dataclass(frozen=True, slots=True)
class ClosedRun:
    """One row of the visibility sweep: a run of a chain that is over."""

    ref: RunRef
    run_id: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; `next_page_token` is None on the last."""

    runs: Sequence[Snapshot]
    next_page_token: str | None


@dataclass(frozen=True, slots=True)
class CancelIntent:
    """A cancellation that was promised at `made_at`: the run must be over by `deadline`."""

    ref: RunRef
    first_run_id: str
    made_at: datetime
    deadline: datetime


class Gateway(Keeping, Protocol):
    """Errors are those of `crossover.errors`; nothing of the SDK comes through."""

    async def start(self, plan: StartPlan) -> Started:
        """Starts the run or finds the one that exists.

        Raises:
            InputConflict: the run exists with other work.
            NoAnswer: it may or may not have started; repeating the same plan is safe.
        """
        ...

    async def describe(self, ref: RunRef, run_id: str | None = None) -> Snapshot:
        """The newest run of the workflow id, or the one named. Raises NotFound."""
        ...

    async def outcome(self, ref: RunRef, run_id: str) -> Outcome:
        """How a closed run ended."""
        ...

    async def wait_closed(self, ref: RunRef, run_id: str) -> Outcome | None:
        """One long poll: the outcome once the run closes, None when Temporal ended the poll first."""
        ...

    async def closed_since(self, namespace: str, since: datetime | None) -> Sequence[ClosedRun]:
        """Bridge runs of the namespace that closed at or after `since` (None: lately)."""
        ...

    async def queue(self, namespace: str, task_queue: str) -> QueueHealth:
        """Who polls the queue for workflow tasks, and how much waits on it."""
        ...

    async def list_runs(
        self,
        namespace: str,
        tenant: str,
        *,
        trace_id: str | None,
        phases: Sequence[str],
        limit: int,
        page_token: str | None,
    ) -> Page:
        """Runs of a tenant, newest first."""
        ...

    async def open_runs_of(self, namespace: str, prefix: str) -> Sequence[Snapshot]:
        """Open runs whose ids begin with `prefix`, as visibility knows them: a second or so late."""
        ...

    def open_tied(
        self, namespace: str, modes: Sequence[Mode], but: Collection[str] = frozenset()
    ) -> AsyncIterator[Sequence[Snapshot]]:
        """Open runs of the modes, page by page, as visibility knows them: a second or so late.

        Args:
            but: runs that are left out, and cost nothing.
        """
        ...

    def closed_callbacks(self, namespace: str, since: datetime) -> AsyncIterator[Sequence[Snapshot]]:
        """Runs of the mode callback that closed at or after `since`, page by page."""
        ...

    async def cancel(self, ref: RunRef, run_id: str, *, first_run_id: str, reason: str) -> None:
        """Asks the run to cancel itself; a closed run is left alone."""
        ...

    async def terminate(self, ref: RunRef, *, first_run_id: str, reason: str) -> None:
        """Ends the chain at once; a closed run, or a newer chain, is left alone."""
        ...

    async def promise_cancel(self, intent: CancelIntent) -> None:
        """Keeps a cancellation's deadline where a crash of the bridge cannot lose it."""
        ...

    async def promised_cancels(self, namespace: str) -> Sequence[CancelIntent]:
        """Promises that are not yet kept, from all replicas."""
        ...

    async def forget_cancel(self, intent: CancelIntent) -> None:
        """The promise is kept."""
        ...

    async def signal(self, ref: RunRef, *, name: str, args: Sequence[Any], request_id: str) -> None:
        """Repeats with the same `request_id` are delivered once. Raises RunClosed."""
        ...

    async def query(self, ref: RunRef, *, name: str, args: Sequence[Any]) -> Any:
        """Raises Rejected when the workflow refuses, NoAnswer when no worker answers."""
        ...

    async def update(self, ref: RunRef, *, name: str, args: Sequence[Any], update_id: str) -> Any:
        """Waits for the update's result; repeats with the same id get the same. Raises Rejected, NoAnswer."""
        ...

    async def reset(
        self, ref: RunRef, run_id: str, *, event_id: int | None, reason: str, request_id: str
    ) -> str:
        """Starts the run anew from `event_id` (None: its first workflow task); the new run's id."""
        ...

    async def count_open(self, namespace: str, tenant: str) -> int:
        """How many runs of the tenant are open, as visibility knows it: a second or so late."""
        ...

    async def history(
        self, ref: RunRef, run_id: str, *, limit: int, page_token: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Events as Temporal's own JSON, oldest first, and the next page's token."""
        ...

    async def check(self, namespace: str) -> str | None:
        """None when Temporal answers for the namespace, else a sentence that says what is missing."""
        ...
