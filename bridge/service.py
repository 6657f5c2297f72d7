"""The run service: what the routes call. It joins the pure core, the gateway and the waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

from bridge.flags.decisions import Decisions
from bridge.gateway import Gateway
from bridge.limits import StartLimits
from bridge.metrics import Metrics
from bridge.steps.engine import RunRef, Snapshot, Status
from bridge.steps.record import RunRecord
from bridge.steps.registry import Registry
from bridge.steps.request import StartRequest
from bridge.steps.start import plan_start
from bridge.steps.stopping import stop_reason
from bridge.waits.cancels import Cancels
from bridge.waits.hub import Hub
from bridge.waits.views import View
from crossover.contract.run import ArgoNode, Mode, OnCancel, tenant_of, workflow_prefix
from crossover.errors import Busy, CrossoverError, InvalidField, NotFound
from crossover.flags.decision import Decision
from crossover.identity import Action, Principal, Resource, authorise


class Workflows(Protocol):
    """Where Argo's Workflow objects are read."""

    async def get(self, node: ArgoNode) -> Any: ...


@dataclass(frozen=True, slots=True)
class Release:
    """What a terminating step pod shall do: `cancel` or `detach`, and why."""

    action: str
    reason: str


class Runs:
    """Every method authorises first: there is no way to a run around it."""

    def __init__(
        self,
        gateway: Gateway,
        hub: Hub,
        cancels: Cancels,
        registry: Registry,
        metrics: Metrics,
        workflows: Workflows | None,
        default_namespace: str,
        decisions: Decisions,
        limits: StartLimits,
        cluster: str,
    ) -> None:
        self.gateway = gateway
        self.hub = hub
        self._cancels = cancels
        self._registry = registry
        self._metrics = metrics
        self._workflows = workflows
        self._default_namespace = default_namespace
        self._decisions = decisions
        self._limits = limits
        self._cluster = cluster
        self.calls_back: Callable[[Snapshot, ArgoNode], None] | None = None
        """Told of each start with a callback. Without one there are no callbacks."""

    def namespace_of(self, tenant: str) -> str:
        return self._registry.namespace_of(tenant, self._default_namespace)

    @property
    def namespaces(self) -> Sequence[str]:
        """Every Temporal namespace that some tenant uses."""
        return self._registry.namespaces(self._default_namespace)

    def ref(self, principal: Principal, run: str, action: Action) -> RunRef:
        """Where the run lives. Raises NotFound or Forbidden."""
        structlog.contextvars.bind_contextvars(run=run)
        resource = Resource.of_run(run)
        authorise(principal, action, resource)
        return RunRef(self.namespace_of(resource.tenant), run)

    async def start(
        self,
        principal: Principal,
        request: StartRequest,
        *,
        traceparent: str | None,
        key: str | None,
        repeated: bool,
        mode: Mode = Mode.STEP,
    ) -> tuple[bool, View]:
        """Starts or attaches; whether the run was created by this request, and its view."""
        authorise(principal, Action.START, Resource(principal.tenant))
        tenant = principal.tenant
        self._registry.check_argo_namespace(tenant, request.argo.namespace)
        if request.callback is not None and self.calls_back is None:
            raise InvalidField(
                "callback: this bridge knows no Argo Server; its operator sets argo_server_url.",
                field="callback",
            )
        if request.app is not None:
            app = self._registry.app(tenant, request.app)
        else:
            app = self._registry.direct(tenant, request.workflow_type or "", request.task_queue or "")
        decision = await self._decision(principal, request)
        plan = plan_start(
            request,
            app,
            tenant=tenant,
            namespace=self.namespace_of(tenant),
            traceparent=traceparent,
            key=key,
            may_have_started=repeated,
            decision=decision,
            mode=mode,
            cluster=self._cluster,
        )
        counted = await self._within_quotas(tenant, plan.ref)
        asked = time.monotonic()
        started = await self.gateway.start(plan)
        if counted and not started.created:
            self._limits.attached(tenant)
        self._metrics.started(created=started.created)
        if request.callback is not None and self.calls_back is not None:
            self.calls_back(started.snapshot, request.argo.node())
        if started.snapshot.status.closed:
            return started.created, await self.hub.view(plan.ref)
        return started.created, self.hub.remember(started.snapshot, asked)

    async def _decision(self, principal: Principal, request: StartRequest) -> Decision | None:
        if request.decision is None:
            return None
        return await self._decisions.for_start(principal, request.decision, request.argo.node())

    async def _within_quotas(self, tenant: str, ref: RunRef) -> bool:
        """Whether the start was counted. Attaching costs nothing: a retried pod finds its run also while its
        tenant's quota is used up."""
        try:
            await self._limits.check(tenant, self._registry.tenant(tenant).quotas)
        except Busy as busy:
            if not await self._attaches(ref):
                raise busy from None
            return False
        return True

    async def _attaches(self, ref: RunRef) -> bool:
        """Whether a start finds a run to attach to: an open one, or one that completed. Any other end makes
        it a new run."""
        try:
            existing = await self.gateway.describe(ref)
        except NotFound:
            return False
        return not existing.status.closed or existing.status is Status.COMPLETED

    async def newest(self, ref: RunRef) -> Snapshot:
        return await self.gateway.describe(ref)

    async def cancel(self, ref: RunRef, *, mode: OnCancel | None, grace: float | None, reason: str) -> View:
        """By the run's own `on_cancel` and grace unless the caller says otherwise."""
        snapshot = await self.newest(ref)
        record = _record(snapshot)
        await self._cancels.cancel(
            snapshot,
            mode=mode or record.on_cancel,
            grace=record.cancel_grace if grace is None else grace,
            reason=reason,
        )
        return await self.hub.view_anew(ref)

    async def terminate(self, ref: RunRef, *, reason: str) -> View:
        snapshot = await self.newest(ref)
        await self.gateway.terminate(ref, first_run_id=snapshot.first_run_id, reason=reason)
        return await self.hub.view_anew(ref)

    async def release(self, ref: RunRef, *, signal: str, deadline: datetime | None) -> Release:
        """The step's pod is going away: cancels the run if its workflow was stopped, else lets it be.

        A wrong cancel loses work and a wrong detach only leaves a run for the retried pod to find, so
        whatever cannot be known means detach.
        """
        snapshot = await self.newest(ref)
        reason, known = await self._stop_reason(_record(snapshot).argo, deadline)
        if reason is None:
            return Release("detach", known)
        if not await self._let_go(snapshot, f"{reason} ({signal})"):
            return Release("detach", f"{reason}, and the run's on_cancel is abandon")
        await self.hub.view_anew(ref)
        return Release("cancel", reason)

    async def release_workflow(
        self, principal: Principal, workflow: ArgoNode, *, signal: str
    ) -> tuple[Sequence[str], str]:
        """The workflow's agent pod is going away, which speaks for the runs of its plugin's nodes: cancels
        those that are open if the workflow was stopped. Their ids, and why so, or why not."""
        authorise(principal, Action.CONTROL, Resource(principal.tenant))
        self._registry.check_argo_namespace(principal.tenant, workflow.namespace)
        prefix = workflow_prefix(principal.tenant, workflow)
        found = await self.gateway.open_runs_of(self.namespace_of(principal.tenant), prefix)
        runs = [run for run in found if _record(run).mode is Mode.PLUGIN]
        if not runs:
            # Argo is not even asked: nobody learns here of workflows that are not theirs.
            return [], ""
        reason, known = await self._stop_reason(workflow, None)
        if reason is None:
            return [], known
        ends = await asyncio.gather(*(self._let_go(run, f"{reason} ({signal})") for run in runs))
        return [run.ref.id for run, ends_now in zip(runs, ends, strict=True) if ends_now], reason

    async def _let_go(self, run: Snapshot, reason: str) -> bool:
        """Whether the run was asked to end: one of on_cancel abandon never is."""
        record = _record(run)
        await self._cancels.cancel(run, mode=record.on_cancel, grace=record.cancel_grace, reason=reason)
        return record.on_cancel is not OnCancel.ABANDON

    async def _stop_reason(self, node: ArgoNode | None, deadline: datetime | None) -> tuple[str | None, str]:
        now = datetime.now(UTC)
        if deadline is not None and deadline <= now:
            return "the node's deadline has passed", ""
        if node is None or self._workflows is None:
            return None, "this bridge cannot ask Argo (set argo_server_url or argo_kubernetes_url)"
        try:
            workflow = await self._workflows.get(node)
        except CrossoverError as error:
            return None, error.detail
        return stop_reason(workflow, node, now), "the Argo workflow goes on"


def _record(run: Snapshot) -> RunRecord:
    """What the run was started with."""
    return RunRecord.from_memo(run.memo, tenant=tenant_of(run.ref.id) or "")
