"""Approvals that nothing waits for any more are withdrawn: they must not stay in people's lists."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from bridge.approvals.accounts import Accounts
from bridge.approvals.keeping import Keeping
from bridge.approvals.record import Kept, State, Verdict
from bridge.approvals.standing import workflow_over
from bridge.steps.engine import RunRef
from crossover.contract.run import ArgoNode
from crossover.errors import CrossoverError, NotFound
from crossover.telemetry import get_logger

LOOK_EVERY = 30.0
"""Seconds between two looks at one approval: each is a question to Argo or to Temporal."""

LOOKS = 50
"""In one round at most; those that were not looked at for the longest time come first."""

PATIENCE = 30.0
BRIDGE = "crossover"
"""Who withdraws, by name."""

_log = get_logger(__name__)


class Workflows(Protocol):
    """Where Argo's Workflow objects are read."""

    async def get(self, node: ArgoNode) -> Any: ...


class Withdrawals:
    """Only the times of looking are kept in memory."""

    def __init__(self, keeper: Keeping, workflows: Workflows | None, accounts: Accounts) -> None:
        self._keeper = keeper
        self._workflows = workflows
        self._accounts = accounts
        self._looked: dict[str, dict[str, float]] = {}

    async def look(self, namespace: str, pending: Sequence[Kept]) -> Sequence[Kept]:
        """Those that were withdrawn."""
        now = asyncio.get_running_loop().time()
        times = {each.execution: self._time_of(namespace, each) for each in pending}
        due = sorted(pending, key=lambda each: times[each.execution])
        due = [each for each in due if now - times[each.execution] >= LOOK_EVERY][:LOOKS]
        self._looked[namespace] = times | {each.execution: now for each in due}
        return [kept for each in due if (kept := await self._look(each)) is not None]

    def _time_of(self, namespace: str, kept: Kept) -> float:
        return self._looked.get(namespace, {}).get(kept.execution, float("-inf"))

    async def _look(self, kept: Kept) -> Kept | None:
        try:
            async with asyncio.timeout(PATIENCE):
                reason = await self._nobody_waits(kept)
                return await self._withdraw(kept, reason) if reason else None
        except (CrossoverError, TimeoutError) as error:
            _log.debug("approval not looked at", approval=kept.id, reason=str(error))
        except Exception:
            _log.exception("look at an approval failed", approval=kept.id)
        return None

    async def _withdraw(self, kept: Kept, reason: str) -> Kept | None:
        """None where somebody was quicker."""
        verdict = Verdict(State.WITHDRAWN, BRIDGE, reason, str(uuid.uuid4()))
        await self._keeper.close_approval(kept, verdict)
        closed = await self._keeper.approval(kept.namespace, kept.tenant, kept.id)
        if closed.verdict != verdict:
            return None
        self._accounts.record(closed, who=BRIDGE, why=reason)
        return closed

    async def _nobody_waits(self, kept: Kept) -> str | None:
        """Why; None while something waits, or where nobody can tell."""
        reasons = []
        if kept.record.argo is not None:
            reasons.append(await self._workflow_over(kept, kept.record.argo))
        if kept.record.run is not None:
            reasons.append(await self._run_over(kept, kept.record.run.id, kept.record.run.first_run_id))
        return reasons[0] if all(reasons) else None

    async def _workflow_over(self, kept: Kept, node: ArgoNode) -> str | None:
        if self._workflows is None:
            return None
        return workflow_over(await self._workflows.get(node), node, kept.callback, datetime.now(UTC))

    async def _run_over(self, kept: Kept, run_id: str, first_run_id: str) -> str | None:
        try:
            run = await self._keeper.describe(RunRef(kept.namespace, run_id))
        except NotFound:
            return "the run is gone"
        if run.first_run_id != first_run_id:
            return "the run was started anew"
        return f"the run is over ({run.status.lower()})" if run.status.closed else None
