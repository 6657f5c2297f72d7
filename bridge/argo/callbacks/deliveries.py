"""Deliveries: a run that is over completes its suspend node, as soon as it is over, and until that is done.

Each run is followed once. What a replica does not follow, or leaves behind, another finds in Temporal
(`backlog`); that two deliver the same does no harm, since Argo completes a node once.
"""

from __future__ import annotations

import asyncio
import random
from collections import OrderedDict

from bridge.argo.callbacks.delivery import Delivery
from bridge.argo.callbacks.metrics import CallbackMetrics
from bridge.argo.callbacks.pace import pause
from bridge.argo.callbacks.settings import CallbackSettings
from bridge.argo.callbacks.sources import RunView, Waits
from bridge.argo.callbacks.tied import Tied, tied
from bridge.argo.server import NotSet
from bridge.argo.workflows import Denied
from bridge.steps.engine import RunRef, Snapshot
from crossover.contract.run import ArgoNode
from crossover.errors import CrossoverError, NotFound, ShuttingDown, cut
from crossover.telemetry import get_logger

WAIT = 60.0
"""Seconds of one wait for a run."""

DENIED_PAUSE = 30.0
"""Seconds between tries while Argo refuses our token: only an operator can change that."""

OTHERS = (0.3, 1.5)
"""Seconds by which runs of other replicas are delivered later: whose they are should be first."""

FOLLOWED, FOLLOWED_OF_OTHERS = 1000, 200
"""Runs followed at most. Each may take one of Temporal's long polls; all others are found by the backlog."""

SETTLED = 50_000
"""Ends of runs that are remembered to have reached their node."""

_log = get_logger(__name__)


class Deliveries:
    """One task per followed run."""

    def __init__(
        self, delivery: Delivery, waits: Waits, metrics: CallbackMetrics, settings: CallbackSettings
    ) -> None:
        self._delivery = delivery
        self._waits = waits
        self._metrics = metrics
        self._takes_not = settings.takes_not
        self._followed: dict[RunRef, tuple[Tied, asyncio.Task[None]]] = {}
        self._settled: OrderedDict[str, None] = OrderedDict()
        self._trouble: str | None = None

    def started(self, run: Snapshot, node: ArgoNode) -> None:
        """A start was answered here. `node`: as the caller named it, perhaps a later attempt of the run's."""
        found = tied(run)
        if found is None or found.callback is None:
            return
        if run.status.closed or len(self._followed) < FOLLOWED:
            self._follow(found.of_attempt(node.retries))

    def seen(self, run: Tied) -> None:
        """An open run that some replica has started."""
        if run.ref not in self._followed and len(self._followed) < FOLLOWED_OF_OTHERS:
            self._follow(run, later=random.uniform(*OTHERS))

    def owed(self, run: Tied) -> None:
        """A run that is over, and whose node waits."""
        if run.ref not in self._followed:
            self._follow(run)

    def follows(self, run: Tied) -> bool:
        return run.ref in self._followed

    def settled(self, run: Tied) -> bool:
        """Whether this end of the run is known to have reached its node."""
        return run.run_id in self._settled

    def settle(self, run_id: str) -> None:
        self._settled[run_id] = None
        while len(self._settled) > SETTLED:
            self._settled.popitem(last=False)

    def degraded(self) -> str | None:
        """A sentence for people, while something is owed for longer than Argo should need."""
        age = self._metrics.oldest_owed
        if self._trouble is None or age < DENIED_PAUSE:
            return None
        return f"a suspend node has waited {age:.0f} s for its run's end: {self._trouble}"

    async def close(self) -> None:
        """What is owed stays owed, in Temporal."""
        tasks = [task for _, task in self._followed.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _follow(self, run: Tied, *, later: float = 0.0) -> None:
        known, task = self._followed.get(run.ref, (None, None))
        if known is not None and task is not None:
            if known.first_run_id == run.first_run_id and known.node.retries >= run.node.retries:
                return
            task.cancel()  # the node has a newer run, or a newer attempt waits for it
        task = asyncio.create_task(self._care(run, later))
        self._followed[run.ref] = run, task
        task.add_done_callback(lambda ended: self._ended(run.ref, ended))

    def _ended(self, ref: RunRef, task: asyncio.Task[None]) -> None:
        if ref in self._followed and self._followed[ref][1] is task:
            del self._followed[ref]
            self._metrics.owes_no_more(ref)

    async def _care(self, run: Tied, later: float) -> None:
        """Until it is delivered, or need not be. The run is looked at before each try: a person may have
        reset it, or an attempt of the node may have started another."""
        tries, refusals = 0, list[str]()
        while True:
            try:
                view = await self._closed(run.ref)
                self._metrics.owes(run.ref)
                await asyncio.sleep(later if tries == 0 else 0)
                refused = refusals[-1] if len(refusals) >= self._takes_not else None
                if await self._delivery.attempt(run, view, refused=refused):
                    self.settle(view.data["temporal"]["run_id"])
                    self._trouble = None
                    return
                wait = pause(tries)
            except (NotFound, ShuttingDown):
                return
            except CrossoverError as error:
                refusals += [error.detail] if isinstance(error, NotSet) else []
                wait = self._told(run, error, first=tries == 0) or pause(tries)
            except Exception:
                _log.exception("delivery failed", run=run.ref.id)
                wait = pause(tries)
            tries += 1
            await asyncio.sleep(wait)

    def _told(self, run: Tied, error: CrossoverError, *, first: bool) -> float | None:
        """Seconds to wait, where that is not for the back-off to say. One log line per run, none per try."""
        denied = isinstance(error, Denied)
        self._metrics.counted("denied" if denied else "retried")
        self._trouble = error.detail
        log = _log.warning if first and isinstance(error, NotSet) else _log.debug
        log("callback is still owed", run=run.ref.id, reason=cut(error.detail))
        return DENIED_PAUSE * random.uniform(0.8, 1.2) if denied else None

    async def _closed(self, ref: RunRef) -> RunView:
        while True:
            view = await self._waits.wait(ref, timeout=WAIT, revision=None)
            if view.closed:
                return view
