"""One try to bring a run's end to its suspend node."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from bridge.approvals.completing import Reached
from bridge.argo.callbacks.completer import Attempt, Completer
from bridge.argo.callbacks.metrics import CallbackMetrics
from bridge.argo.callbacks.outcome import outcome_of, without_outputs
from bridge.argo.callbacks.sources import RunView, TiedRuns
from bridge.argo.callbacks.target import Supplied
from bridge.argo.callbacks.tied import Tied, tied
from bridge.argo.server import Completion
from crossover.audit import Audit, Event
from crossover.errors import Unavailable

WHO = "crossover"
"""In the audit: nobody asked for it."""

AT_ONCE = 16
"""Deliveries that speak to Argo at a time."""

PATIENCE = 20.0
"""Seconds for one: an Argo that drips its answers must not take all places."""


class Delivery:
    """Keeps nothing of a run."""

    def __init__(self, runs: TiedRuns, completer: Completer, audit: Audit, metrics: CallbackMetrics) -> None:
        self._runs = runs
        self._completer = completer
        self._audit = audit
        self._metrics = metrics
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def attempt(self, run: Tied, view: RunView, *, refused: str | None) -> bool:
        """Whether nothing is owed any more. Raises Unavailable, NotSet, NotFound.

        Args:
            view: of the closed run.
            refused: why Argo will never take the outputs, once that is certain.
        """
        current = await self._of(run, view)
        if current is None or current.callback is None:
            return True

        def given(supplied: Supplied) -> Completion:
            completion = outcome_of(view.data, supplied)
            return without_outputs(completion, refused) if refused and completion.outputs else completion

        try:
            async with self._slots, asyncio.timeout(PATIENCE):
                attempt = await self._completer.attempt(current.node, current.callback, given)
        except TimeoutError:
            raise Unavailable("Argo answers too slowly.", retry_after=1) from None
        self._account(current, view, attempt)
        return attempt.reached is not Reached.WAITING

    async def _of(self, run: Tied, view: RunView) -> Tied | None:
        """The run that the view shows: an attempt of the node may have started another one since."""
        if view.data["temporal"]["first_run_id"] == run.first_run_id:
            return run
        return tied(await self._runs.describe(run.ref))

    def _account(self, run: Tied, view: RunView, attempt: Attempt) -> None:
        if not attempt.completed:
            if attempt.reached is not Reached.WAITING:
                self._metrics.counted("already" if attempt.reached is Reached.DONE else "over")
            return
        self._metrics.counted("delivered")
        if (closed_at := view.data["closed_at"]) is not None:
            age = datetime.now(UTC) - datetime.fromisoformat(closed_at)
            self._metrics.completed(age.total_seconds())
        after = {"nodes": list(attempt.completed), "phase": view.data["phase"]}
        self._audit.record(Event(WHO, run.tenant, "callback.delivered", run.ref.id, after=after))
