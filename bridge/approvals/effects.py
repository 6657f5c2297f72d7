"""What follows of an approval's end: the suspend node is completed, the run is told; whoever dies meanwhile.

What is owed is read from Temporal, by every replica. Each delivery can be repeated, and is, until one of them
has settled it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from bridge.approvals.accounts import Accounts
from bridge.approvals.completing import Completes, Reached
from bridge.approvals.keeping import Keeping, Owed
from bridge.approvals.record import Kept, State
from bridge.approvals.withdrawing import Withdrawals, Workflows
from bridge.approvals.words import argument, outputs, sentence
from bridge.loops import forever
from bridge.steps.engine import RunRef
from crossover.audit import Audit
from crossover.contract.run import Phase
from crossover.errors import CrossoverError, NotFound
from crossover.telemetry import get_logger

INTERVAL = 5.0
"""Seconds between looks for what other replicas, or an earlier life of this one, have left."""

AT_ONCE = 8
PATIENCE = 30.0
"""Seconds for one delivery: one that hangs must not hold up the others."""

KEPT_FOR = 7 * 86_400.0
"""Seconds after an approval's expiry for which its effect is tried: Argo may be away for a weekend."""

_log = get_logger(__name__)


class Effects:
    """Keeps nothing in memory that a restart would miss."""

    def __init__(
        self,
        keeper: Keeping,
        namespaces: Sequence[str],
        completes: Completes | None,
        workflows: Workflows | None,
        audit: Audit,
        count: Callable[[str], None],
    ) -> None:
        self.accounts = Accounts(audit, count)
        self._keeper = keeper
        self._namespaces = namespaces
        self._completes = completes
        self._withdrawals = Withdrawals(keeper, workflows, self.accounts)
        self._fresh: asyncio.Queue[Owed] = asyncio.Queue()
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def completes_nodes(self) -> bool:
        return self._completes is not None

    def due(self, kept: Kept) -> None:
        """It was closed here: visibility will know a second later, and nobody need wait for that."""
        self._fresh.put_nowait(Owed(kept.namespace, kept.tenant, kept.id))

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as work:
            for namespace in self._namespaces:
                look = partial(self._round, namespace)
                work.create_task(forever("approvals", look, INTERVAL, at_once=True))
            while True:
                owed = await self._fresh.get()
                work.create_task(self._settle(owed))

    async def _round(self, namespace: str) -> None:
        try:
            owed = await self._keeper.owed_effects(namespace)
            pending = await self._keeper.open_approvals(namespace)
        except CrossoverError as error:
            _log.debug("approvals not read", namespace=namespace, error=error.detail)
            return
        still_open = {(each.tenant, each.id) for each in pending}
        closed = (each for each in owed if (each.tenant, each.id) not in still_open)
        await asyncio.gather(*map(self._settle, closed))
        for withdrawn in await self._withdrawals.look(namespace, pending):
            self.due(withdrawn)

    async def _settle(self, owed: Owed) -> None:
        """Delivers what is owed, if its approval is over; else, and after any failure, it stays owed."""
        try:
            async with self._slots, asyncio.timeout(PATIENCE):
                await self._try(owed)
        except (CrossoverError, TimeoutError) as error:
            _log.warning("approval's effect is still owed", approval=owed.id, reason=str(error))
        except Exception:
            _log.exception("approval's effect failed", approval=owed.id)

    async def _try(self, owed: Owed) -> None:
        try:
            kept = await self._keeper.approval(owed.namespace, owed.tenant, owed.id)
        except NotFound:
            return  # its request died in between, and may be repeated
        if not kept.state.closed or not await self._deliver(kept):
            return
        if await self._keeper.settle_effect(owed) and kept.state is State.EXPIRED:
            # Temporal lets approvals expire by itself: whoever settles one puts it on record.
            self.accounts.record(kept, who="crossover", why="nobody decided in time")

    async def _deliver(self, kept: Kept) -> bool:
        """Whether all who wait have been told, or will never wait again."""
        return all([await self._to_node(kept), await self._to_run(kept)])

    async def _to_node(self, kept: Kept) -> bool:
        if kept.record.argo is None or kept.callback is None:
            return True
        if self._completes is None:
            return False
        reached = await self._completes.complete(
            kept.record.argo,
            kept.callback,
            phase=Phase.SUCCEEDED if kept.state is State.APPROVED else Phase.FAILED,
            message=sentence(kept),
            outputs=outputs(kept),
        )
        return reached is not Reached.WAITING

    async def _to_run(self, kept: Kept) -> bool:
        """False also for a run that continued as new meanwhile: the next round finds the one that goes on."""
        target = kept.record.run
        if target is None:
            return True
        ref = RunRef(kept.namespace, target.id)
        try:
            run = await self._keeper.describe(ref)
        except NotFound:
            return True
        if run.status.closed or run.first_run_id != target.first_run_id:
            return True
        return await self._keeper.tell_run(
            ref,
            run.run_id,
            signal=target.signal,
            argument=argument(kept),
            request_id=f"approval-{kept.execution}",
        )
