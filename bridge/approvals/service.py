"""Approvals as routes use them. Every method authorises first: there is no way to an approval around it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence

from bridge.approvals.asking import id_of, record_of
from bridge.approvals.effects import KEPT_FOR, Effects
from bridge.approvals.four_eyes import part_in_it
from bridge.approvals.keeping import Keeping
from bridge.approvals.record import (
    ApprovalRecord,
    Kept,
    State,
    Verdict,
    later,
    no_such_approval,
    valid_approval,
)
from bridge.approvals.request import ApprovalRequest, DecisionBody
from bridge.approvals.waiting import Waiting
from bridge.approvals.withdrawing import Workflows
from bridge.approvals.words import sentence
from bridge.steps.engine import RunRef, Snapshot
from bridge.steps.registry import Registry
from crossover.contract.run import ArgoNode, tenant_of
from crossover.errors import Conflict, Forbidden, InvalidField, NotFound, RunClosed
from crossover.identity import Action, Principal, Resource, authorise, no_such_run

TIMES = 50
"""How often the same may be asked for again after it was not approved."""

_STATES = {"approve": State.APPROVED, "reject": State.REJECTED}


class Approvals:
    """Errors are those of `crossover.errors`."""

    def __init__(
        self,
        keeper: Keeping,
        registry: Registry,
        default_namespace: str,
        workflows: Workflows | None,
        effects: Effects,
    ) -> None:
        self._keeper = keeper
        self._registry = registry
        self._default_namespace = default_namespace
        self._workflows = workflows
        self._effects = effects
        self._waiting = Waiting(keeper)

    async def ask(self, principal: Principal, request: ApprovalRequest, request_id: str) -> tuple[bool, Kept]:
        """Whether it was created by this request, and the approval.

        What was approved stays approved for the same node or run; what was not is asked for anew.
        """
        authorise(principal, Action.START, Resource(principal.tenant))
        self._check_argo(principal.tenant, request)
        run = await self._run(principal.tenant, request)
        record, first = record_of(request, run, principal.name), id_of(request, run)
        for number in range(1, TIMES + 1):
            created, kept = await self._attach_or_create(principal.tenant, later(first, number), record)
            if created:
                self._effects.accounts.record(
                    kept, who=principal.name, why=record.title, request_id=request_id
                )
                return True, kept
            if kept.state in (State.PENDING, State.APPROVED):
                return False, await self._attached(kept, record)
        raise Conflict(f"Approval {first!r} was asked for {TIMES} times, and never given.")

    def _check_argo(self, tenant: str, request: ApprovalRequest) -> None:
        if request.argo is None:
            return
        self._registry.check_argo_namespace(tenant, request.argo.namespace)
        if request.resumes and not self._effects.completes_nodes:
            raise InvalidField(
                "argo: this bridge knows no Argo Server, and so cannot complete a suspend node: its operator "
                "sets argo_server_url. A caller that waits by itself says `resumes: false`.",
                field="argo",
            )

    async def _run(self, tenant: str, request: ApprovalRequest) -> Snapshot | None:
        """The run that waits. Raises NotFound, RunClosed."""
        if request.run is None:
            return None
        if tenant_of(request.run.id) != tenant:
            raise no_such_run(request.run.id)
        run = await self._keeper.describe(RunRef(self._namespace_of(tenant), request.run.id))
        if run.status.closed:
            raise RunClosed(f"Run {run.ref.id!r} is over: it waits for nothing.")
        return run

    async def _attach_or_create(
        self, tenant: str, approval: str, record: ApprovalRecord
    ) -> tuple[bool, Kept]:
        namespace = self._namespace_of(tenant)
        try:
            return False, await self._keeper.approval(namespace, tenant, approval)
        except NotFound:
            # First what follows, then the approval: whatever is decided will be carried out.
            await self._keeper.owe_effect(namespace, tenant, approval, record.expires_in + KEPT_FOR)
            return await self._keeper.ask_approval(namespace, tenant, approval, record)

    async def _attached(self, kept: Kept, record: ApprovalRecord) -> Kept:
        if kept.record.fingerprint != record.fingerprint:
            raise Conflict(
                f"Approval {kept.id!r} of this node or run was asked for with other content: "
                "give each of several approvals a `name`."
            )
        if kept.state is State.APPROVED and kept.callback is not None:
            # An `argo retry` that runs this step again makes a new suspend node, which waits as well.
            await self._keeper.owe_effect(kept.namespace, kept.tenant, kept.id, KEPT_FOR)
            self._effects.due(kept)
        return kept

    async def get(self, principal: Principal, approval: str, action: Action = Action.READ) -> Kept:
        """Raises NotFound, Forbidden."""
        authorise(principal, action, Resource(principal.tenant))
        if not valid_approval(approval):
            raise no_such_approval(approval)
        return await self._keeper.approval(self._namespace_of(principal.tenant), principal.tenant, approval)

    async def wait(self, principal: Principal, approval: str, *, timeout: float, stop: asyncio.Event) -> Kept:
        """Once it is over, at the latest after `timeout` seconds. Raises ShuttingDown when `stop` is set."""
        return await self._waiting.wait(await self.get(principal, approval), timeout, stop)

    async def list(
        self,
        principal: Principal,
        *,
        state: State | None,
        trace_id: str | None,
        limit: int,
        page_token: str | None,
    ) -> tuple[Sequence[Kept], str | None]:
        """Newest first, and the next page's token."""
        authorise(principal, Action.READ, Resource(principal.tenant))
        return await self._keeper.list_approvals(
            self._namespace_of(principal.tenant),
            principal.tenant,
            state=state,
            trace_id=trace_id,
            limit=limit,
            page_token=page_token,
        )

    async def decide(
        self, principal: Principal, approval: str, decision: DecisionBody, request_id: str
    ) -> Kept:
        """Raises RunClosed where it was decided otherwise, Forbidden with four eyes, and Unavailable where
        Argo cannot be asked who started the work."""
        kept = await self.get(principal, approval, Action.APPROVE)
        verdict = Verdict(_STATES[decision.decision], principal.name, decision.reason, str(uuid.uuid4()))
        if kept.state.closed:
            return _same(kept, verdict)
        if verdict.state is State.APPROVED and kept.record.four_eyes:
            await self._check_four_eyes(principal, kept)
        await self._keeper.close_approval(kept, verdict)
        closed = await self._keeper.approval(kept.namespace, kept.tenant, kept.id)
        if closed.verdict != verdict:
            return _same(closed, verdict)
        self._effects.accounts.record(closed, who=principal.name, why=decision.reason, request_id=request_id)
        self._effects.due(closed)
        return closed

    async def _check_four_eyes(self, principal: Principal, kept: Kept) -> None:
        workflow, node = None, kept.record.workflow
        if node is not None and self._workflows is not None:
            workflow = await self._workflows.get(node)
            if not _is(workflow, node):
                raise RunClosed(
                    "The Argo workflow was deleted, or replaced by another of the same name: who started it "
                    "cannot be known, and so it cannot be told whether you are somebody else."
                )
        if (part := part_in_it(principal.name, kept.record, workflow)) is not None:
            raise Forbidden(f"{principal.name} {part}: with four eyes, somebody else has to approve it.")

    def _namespace_of(self, tenant: str) -> str:
        return self._registry.namespace_of(tenant, self._default_namespace)


def _is(workflow: object, node: ArgoNode) -> bool:
    metadata = workflow.get("metadata") if isinstance(workflow, dict) else None
    return isinstance(metadata, dict) and metadata.get("uid") == node.uid


def _same(closed: Kept, verdict: Verdict) -> Kept:
    """The approval, for somebody who repeats the own decision. Raises RunClosed for all others."""
    decided = closed.verdict
    if decided is not None and (decided.state, decided.who) == (verdict.state, verdict.who):
        return closed
    raise RunClosed(f"Approval {closed.id!r} is over: {sentence(closed)}.")
