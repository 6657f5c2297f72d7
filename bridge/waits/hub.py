"""Waiting for thousands of runs with a number of Temporal calls that does not grow with them.

Up to `long_poll_limit` runs wait by a Temporal long poll each; one visibility sweep a second serves all
others; a bounded number of describes per second keeps the views of all of them current, and new runs are
looked at twice in their first seconds. Whoever waits for the same run shares the same watch.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bridge.gateway import Gateway
from bridge.metrics import Metrics
from bridge.steps.engine import Outcome, RunRef, Snapshot, Status
from bridge.waits.first_looks import FirstLooks
from bridge.waits.polls import Polls
from bridge.waits.queues import Queues
from bridge.waits.refresh import Refresh
from bridge.waits.settings import WaitSettings
from bridge.waits.sweep import Sweep
from bridge.waits.views import View, Views
from bridge.waits.watch import By, Watch
from bridge.waits.watches import Watches
from crossover.contract.names import MEMO_PROGRESS
from crossover.errors import CrossoverError, NotFound, ShuttingDown
from crossover.telemetry import get_logger

SEEN_LATELY = 1.0
"""Seconds since a run was seen open in which the sweep cannot have missed its close: it looks back further
than that (`sweep.OVERLAP`)."""

_log = get_logger(__name__)


def _spread(timeout: float) -> float:
    """Thousands of clients that came at the same moment shall not all come back at the same moment."""
    return timeout * random.uniform(0.8, 1) if timeout > 5 else timeout


class Hub:
    """The watches, and the three ways by which they learn of their runs."""

    def __init__(self, gateway: Gateway, views: Views, metrics: Metrics, settings: WaitSettings) -> None:
        self._gateway = gateway
        self._views = views
        self._metrics = metrics
        self._settings = settings
        self.watches = Watches(metrics, settings.linger)
        self._opening: dict[RunRef, asyncio.Task[View]] = {}
        self._queues = Queues(gateway)
        self.watches.noticed_by(Polls(gateway, settings.long_poll_limit, self.closed, self.lost))
        self._sweep = Sweep(gateway, settings, self.watches, self.closed, self.look)
        self._refresh = Refresh(settings, self.watches, self._queues, self.look, self._rebuild)
        self._first_looks = FirstLooks(self.look)
        self._closing = False

    @property
    def closing(self) -> bool:
        return self._closing

    async def run(self) -> None:
        """Sweeps and refreshes until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep.run())
            group.create_task(self._refresh.run())
            group.create_task(self._refresh.run_queues())
            group.create_task(self._first_looks.run())

    def close(self) -> None:
        """This replica goes away: every waiting client is told to ask another."""
        self._closing = True
        for watch in list(self.watches.values()):
            watch.fail(ShuttingDown("This replica is shutting down; ask again.", retry_after=1))
            self.watches.drop(watch, promote=False)

    def remember(self, snapshot: Snapshot, since: float) -> View:
        """A run that was just started needs no describe when its client comes back to wait.

        `since`: when its start was asked for (monotonic seconds). The answer may have taken its time, and the
        run may have closed meanwhile.
        """
        queue = self._queues.known(snapshot.ref.namespace, snapshot.task_queue)
        view = self._views.build(snapshot, None, queue)
        watch = self.watches.get(snapshot.ref)
        if watch is None:
            self._add(snapshot, view, asked=since)
        elif watch.snapshot.run_id == snapshot.run_id:
            return watch.view
        else:
            # The node has a newer run: whoever waits for the node waits for that one.
            watch.update(snapshot, view)
            self.watches.follow_anew(watch)
        return view

    def _add(self, snapshot: Snapshot, view: View, *, asked: float | None = None) -> None:
        if not self._closing:
            watch = self.watches.add(snapshot, view)
            if asked is not None:
                watch.asked(asked)

    async def view_anew(self, ref: RunRef) -> View:
        """A look that began after this call: what was just done to the run shows in it."""
        if (task := self._opening.get(ref)) is not None:
            await asyncio.wait([task])
        return await self.view(ref)

    async def view(self, ref: RunRef) -> View:
        """The run as it is now. Concurrent readers of one run share one look."""
        task = self._opening.get(ref)
        if task is None:
            task = self._opening[ref] = asyncio.ensure_future(self._read(ref))
            task.add_done_callback(lambda _: self._opening.pop(ref, None))
        return await asyncio.shield(task)

    async def row(self, snapshot: Snapshot) -> View:
        """A listed run. Who terminated one is in its close event only, and decides its phase."""
        outcome: Outcome | None = None
        if snapshot.status is Status.TERMINATED:
            with contextlib.suppress(NotFound):
                outcome = await self._gateway.outcome(snapshot.ref, snapshot.run_id)
        if outcome is None and snapshot.status.closed:
            outcome = Outcome(snapshot.status, snapshot.run_id, snapshot.closed_at, partial=True)
        return self._views.build(snapshot, outcome, None)

    async def wait(
        self, ref: RunRef, *, timeout: float, revision: str | None, gone: Awaitable[object] | None = None
    ) -> View:
        """The view once the run is over or differs from `revision`; at the latest after `timeout` seconds.

        `gone` ends the wait when the client is no longer there.

        Raises:
            NotFound: the run does not exist, or not any more.
            ShuttingDown: this replica goes away.
            Unavailable: Temporal could not be asked for the whole time.
        """
        deadline = asyncio.get_running_loop().time() + timeout
        while (watch := self.watches.get(ref)) is None:
            if self._closing:
                raise ShuttingDown("This replica is shutting down; ask again.", retry_after=1)
            view = await self.view(ref)
            if view.answers(revision) or asyncio.get_running_loop().time() > deadline:
                return view
        if watch.view.answers(revision):
            return watch.view
        return await self._wait(watch, timeout, revision, gone)

    async def _wait(
        self, watch: Watch, timeout: float, revision: str | None, gone: Awaitable[object] | None
    ) -> View:
        attended = watch.by is not By.NOTHING
        waiter = watch.join(revision)
        self._metrics.waiting(+1)
        stays = False
        try:
            if not attended and self._settings.first_looks:
                self._first_looks.expect(watch)
            if (
                self.watches.attend(watch) is By.SWEEP
                and not attended
                and not watch.asked_within(SEEN_LATELY)
            ):
                # Marked first, looked at second: a run that closed before its first sweep is not missed.
                await self.look(watch)
            stays = await self._race(waiter, _spread(timeout), gone)
        finally:
            self._metrics.waiting(-1)
            watch.leave(waiter)
            self.watches.left(watch, stays=stays)
        if waiter.done() and not waiter.cancelled():
            return waiter.result()
        if (trouble := self._trouble(watch)) is not None:
            raise trouble
        return watch.view

    async def _race(
        self, waiter: asyncio.Future[View], timeout: float, gone: Awaitable[object] | None
    ) -> bool:
        """Until the answer, the end of the time, or the client's leave: whether it is still there."""
        left = asyncio.ensure_future(gone) if gone is not None else None
        racing: list[asyncio.Future[Any]] = [waiter, left] if left is not None else [waiter]
        try:
            await asyncio.wait(racing, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            return left is None or not left.done()
        finally:
            if left is not None:
                left.cancel()

    def _trouble(self, watch: Watch) -> CrossoverError | None:
        return self._sweep.trouble if watch.by is By.SWEEP else watch.trouble

    async def _read(self, ref: RunRef) -> View:
        """Looks at the run; leaves a watch behind when it is open."""
        snapshot = await self._gateway.describe(ref)
        if snapshot.status.closed:
            outcome = await self._gateway.outcome(ref, snapshot.run_id)
            return self._finish(self.watches.get(ref), snapshot, outcome)
        queue = await self._queues.health(ref.namespace, snapshot.task_queue)
        view = self._views.build(snapshot, None, queue)
        watch = self.watches.get(ref)  # only now: others may have come while we asked
        if watch is None:
            self._add(snapshot, view)
        else:
            watch.update(snapshot, view)
        return view

    def _finish(self, watch: Watch | None, snapshot: Snapshot, outcome: Outcome) -> View:
        """The run is over: everyone who waits is answered, and the watch ends."""
        view = self._views.build(snapshot, outcome, None)
        if watch is not None and self.watches.has(watch):
            if watch.waited_for and outcome.closed_at is not None:
                self._metrics.notified((datetime.now(UTC) - outcome.closed_at).total_seconds())
            watch.update(snapshot, view)
            self.watches.drop(watch)
        return view

    async def look(self, watch: Watch) -> None:
        """One describe: keeps the view current, and notices what poll and sweep may have missed."""
        try:
            await self.view(watch.ref)
        except NotFound as error:
            self.lost(watch, error)
        except CrossoverError as error:
            watch.trouble = error
        except Exception:
            _log.exception("look failed", run=watch.ref.id)

    def _rebuild(self, watch: Watch) -> None:
        """The queue's health changed: the run's view may say something else now."""
        queue = self._queues.known(watch.ref.namespace, watch.snapshot.task_queue)
        watch.update(watch.snapshot, self._views.build(watch.snapshot, None, queue))

    async def closed(self, watch: Watch, outcome: Outcome) -> str | None:
        """A run of the chain is over. Returns the run id to go on with, or None at the chain's end."""
        next_run = outcome.next_run_id
        if next_run is None and outcome.status is Status.TERMINATED:
            next_run = await self._reset_to(watch, outcome)
        if next_run is not None:
            watch.snapshot = replace(watch.snapshot, run_id=next_run)
            return next_run
        snapshot = replace(watch.snapshot, run_id=outcome.run_id)
        if MEMO_PROGRESS in snapshot.memo:
            # The last steps of a run that reports progress may lie behind its last refresh.
            snapshot = await self._gateway.describe(watch.ref, outcome.run_id)
        self._finish(watch, snapshot, outcome)
        return None

    async def _reset_to(self, watch: Watch, outcome: Outcome) -> str | None:
        """A reset terminates the run and starts another under the same workflow id."""
        newest = await self._gateway.describe(watch.ref)
        return newest.run_id if newest.run_id != outcome.run_id else None

    def lost(self, watch: Watch, error: CrossoverError) -> None:
        """Temporal does not know the run any more (retention, or a wiped server)."""
        watch.fail(error)
        self.watches.drop(watch)
