"""Cancel, then grace, then terminate: also when the bridge that took the cancel does not live to see it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from bridge.gateway import CancelIntent, Gateway
from bridge.loops import forever
from bridge.steps.engine import RunRef, Snapshot
from bridge.steps.phases import GRACE_OVER, ON_CANCEL
from crossover.contract.durations import format_duration
from crossover.contract.run import OnCancel
from crossover.errors import CrossoverError, NotFound
from crossover.telemetry import get_logger

SWEEP_INTERVAL = 10.0
"""Seconds between looks for promises that other replicas, or an earlier life of this one, made."""

_log = get_logger(__name__)


class Cancels:
    """Keeps the promise that a cancelled run ends by its deadline."""

    def __init__(self, gateway: Gateway, namespaces: Sequence[str]) -> None:
        self._gateway = gateway
        self._namespaces = namespaces
        self._keeping: dict[CancelIntent, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Takes up the promises of others until cancelled."""
        await self._take_up_all()
        await forever("cancels", self._take_up_all, SWEEP_INTERVAL)

    async def cancel(self, run: Snapshot, *, mode: OnCancel, grace: float, reason: str) -> None:
        """Returns once Temporal knows: from then on the run ends, whoever dies."""
        if mode is OnCancel.ABANDON or run.status.closed:
            return
        if mode is OnCancel.TERMINATE:
            await self._terminate(run.ref, run.first_run_id, f"{ON_CANCEL}: {reason}")
            return
        now = datetime.now(UTC)
        intent = CancelIntent(run.ref, run.first_run_id, now, now + timedelta(seconds=grace))
        await self._gateway.promise_cancel(intent)
        await self._gateway.cancel(run.ref, run.run_id, first_run_id=run.first_run_id, reason=reason)
        self._keep_later(intent)

    async def _take_up_all(self) -> None:
        for namespace in self._namespaces:
            try:
                for intent in await self._gateway.promised_cancels(namespace):
                    await self._take_up(intent)
            except CrossoverError as error:
                _log.debug("promised cancels not read", namespace=namespace, error=error.detail)

    async def _take_up(self, intent: CancelIntent) -> None:
        if intent not in self._keeping:
            await self._cancel_again(intent)
            self._keep_later(intent)

    async def _cancel_again(self, intent: CancelIntent) -> None:
        """The replica that promised may have died before it asked the run to cancel."""
        try:
            run = await self._gateway.describe(intent.ref)
        except NotFound:
            return
        if not run.status.closed and not run.cancel_requested and run.first_run_id == intent.first_run_id:
            await self._gateway.cancel(
                run.ref, run.run_id, first_run_id=run.first_run_id, reason="promised by another replica"
            )

    def _keep_later(self, intent: CancelIntent) -> None:
        task = asyncio.create_task(self._keep(intent))
        self._keeping[intent] = task
        task.add_done_callback(lambda _: self._keeping.pop(intent, None))

    async def _keep(self, intent: CancelIntent) -> None:
        await asyncio.sleep(max(0.0, (intent.deadline - datetime.now(UTC)).total_seconds()))
        try:
            if await self._binds(intent):
                grace = format_duration((intent.deadline - intent.made_at).total_seconds())
                await self._terminate(intent.ref, intent.first_run_id, f"{GRACE_OVER}: it lasted {grace}")
            await self._gateway.forget_cancel(intent)
        except CrossoverError as error:
            # The promise stands in Temporal: the next sweep takes it up again.
            _log.warning("promised cancel not kept yet", run=intent.ref.id, error=error.detail)

    async def _binds(self, intent: CancelIntent) -> bool:
        """Whether the run is still the one that was cancelled: not over, not reset by a person since."""
        try:
            run = await self._gateway.describe(intent.ref)
        except NotFound:
            return False
        reset = run.reset_at is not None and run.reset_at > intent.made_at
        return not run.status.closed and not reset and run.first_run_id == intent.first_run_id

    async def _terminate(self, ref: RunRef, first_run_id: str, reason: str) -> None:
        await self._gateway.terminate(ref, first_run_id=first_run_id, reason=reason)
