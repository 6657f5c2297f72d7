"""Which way a node goes: decided once, pinned, and told again to whoever asks again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from bridge.flags.request import DecisionRequest, GivenDecision
from bridge.steps.engine import RunRef, Snapshot
from bridge.steps.record import RunRecord
from bridge.steps.request import invalid_field
from crossover.audit import Audit, Event
from crossover.contract.run import ArgoNode, Scope, node_key, run_id
from crossover.errors import CrossoverError, DecisionConflict, InvalidField, NotFound, Unavailable
from crossover.flags.decision import Decision
from crossover.flags.evaluation import Evaluation
from crossover.flags.model import Reason, Variant
from crossover.identity import Action, Principal, Resource, authorise
from crossover.stores.flag_keeper import FlagKeeper
from crossover.stores.leases import StoreAway
from crossover.stores.pins import Pins, Place
from crossover.telemetry import get_logger

_log = get_logger(__name__)


class Decisions:
    """
    Args:
        describe: tells of a run, for the decision in its memo: pins may be lost, runs are not.
        namespace_of: a tenant's Temporal namespace.
        count: told each new decision, for metrics.
        patience: seconds for `describe`.
    """

    def __init__(
        self,
        keeper: FlagKeeper,
        pins: Pins,
        describe: Callable[[RunRef], Awaitable[Snapshot]],
        namespace_of: Callable[[str], str],
        audit: Audit,
        count: Callable[[Decision], None],
        patience: float,
    ) -> None:
        self._keeper = keeper
        self._pins = pins
        self._describe = describe
        self._namespace_of = namespace_of
        self._audit = audit
        self._count = count
        self._patience = patience

    async def decide(self, principal: Principal, asked: DecisionRequest, request_id: str = "") -> Decision:
        """The node's decision: the pinned one, else that of its run, else a new one.

        A node with a run is never legacy, whatever its pin says: two replicas may have pinned it differently
        while Redis was away, or Temporal was away when it was asked.

        Never fails for what is away: then it is legacy, with the reason in `note`, as long as nothing says
        that a run may exist.
        """
        authorise(principal, Action.DECIDE, Resource(principal.tenant))
        fresh = self._evaluated(principal.tenant, asked)
        try:
            return await self._kept(principal, fresh, request_id)
        except ValueError as error:
            _log.warning("a pin cannot be read", key=fresh.key, reason=str(error)[:200])
            return await self._checked(_with_unreadable_pin(fresh))

    async def _kept(self, principal: Principal, fresh: Decision, request_id: str) -> Decision:
        """Raises ValueError for a pin that this release cannot read."""
        pinned = await self._pins.find(fresh.key)
        if pinned is not None:
            return await self._checked(pinned) if pinned.variant is Variant.LEGACY else pinned
        decision = await self._checked(fresh)
        kept = await self._pins.pin(decision)
        if kept == decision:
            self._count(decision)
            self._record(principal, decision, request_id)
        return kept

    def place(self, decision: Decision) -> Place:
        """Who keeps the decision."""
        return self._pins.place(decision.key)

    async def of_trace(self, principal: Principal, trace_id: str) -> list[Decision]:
        authorise(principal, Action.READ, Resource(principal.tenant))
        try:
            return await self._pins.of_trace(principal.tenant, trace_id)
        except StoreAway as error:
            raise Unavailable(f"Decisions cannot be listed: {error.detail}", retry_after=2) from None
        except ValueError:
            raise Unavailable("A decision of this trace cannot be read by this release.") from None

    async def for_start(self, principal: Principal, given: dict[str, object], argo: ArgoNode) -> Decision:
        """The decision that a start brings, if it is this node's and lets it start.

        `argo`: the run's node. Raises InvalidField, DecisionConflict, Unavailable.
        """
        decision = parse_decision(given, principal.tenant)
        if decision.key[2:] != (argo.namespace, argo.uid, node_key(argo.node_name)):
            raise InvalidField(
                "decision is of another node: give `decide` and `run` the same workflow and node name.",
                field="decision.argo",
            )
        pinned = await self._ruling(decision)
        if pinned.variant is not decision.variant:
            raise DecisionConflict(
                f"This node was decided {pinned.variant} (version {pinned.config_version}), and the start "
                f"brings {decision.variant}: pass on the output of the node's own decide step.",
                field="decision.variant",
            )
        if pinned.variant is Variant.LEGACY:
            raise DecisionConflict(
                "This node was decided legacy, so no run is started for it.", field="decision.variant"
            )
        return pinned

    async def _ruling(self, decision: Decision) -> Decision:
        """What holds for a node whose caller brings `decision`. Raises Unavailable."""
        try:
            pinned = await self._pins.pin(decision)
        except ValueError:
            raise Unavailable("This node's pin cannot be read by this release.", retry_after=2) from None
        if pinned.variant is not Variant.LEGACY or decision.variant is Variant.LEGACY:
            return pinned
        try:
            return _of_run(pinned, await self._describe(self._run(pinned)))
        except NotFound:
            return pinned

    def _evaluated(self, tenant: str, asked: DecisionRequest) -> Decision:
        context, status = asked.context(tenant), self._keeper.status
        evaluation, note = self._evaluate(asked, tenant)
        return Decision(
            flag=asked.flag,
            variant=evaluation.variant,
            reason=evaluation.reason,
            rule=evaluation.rule,
            config_version=evaluation.config_version,
            context=context,
            argo=replace(asked.argo.node(), retries=0),
            trace_id=asked.trace_id or asked.argo.workflow,
            decided_at=datetime.now(UTC),
            stale=status.state != "fresh",
            note=note,
        )

    def _evaluate(self, asked: DecisionRequest, tenant: str) -> tuple[Evaluation, str]:
        try:
            return self._keeper.evaluator.evaluate(asked.flag, asked.context(tenant)), ""
        except KeyError:
            current = self._keeper.current
            number = current.number if current else 0
            default = Evaluation(asked.flag, Variant.LEGACY, Reason.DEFAULT, "default", number)
            if current is None and self._keeper.status.state != "fresh":
                return default, f"No flags are known yet, so this is legacy: {self._keeper.status.detail}"
            return default, f"There is no flag {asked.flag}, so this is legacy."

    async def _checked(self, fresh: Decision) -> Decision:
        """A run of the node decides, whatever the flags say now. Temporal away before a start: legacy."""
        try:
            async with asyncio.timeout(self._patience):
                existing = await self._describe(self._run(fresh))
        except NotFound:
            return fresh
        except (CrossoverError, TimeoutError) as error:
            return _without_temporal(fresh, error)
        return _of_run(fresh, existing)

    def _run(self, decision: Decision) -> RunRef:
        tenant = decision.context.tenant
        return RunRef(self._namespace_of(tenant), run_id(tenant, decision.argo, Scope.NODE))

    def _record(self, principal: Principal, decision: Decision, request_id: str) -> None:
        _log.info(
            "decided",
            trace_id=decision.trace_id,
            tenant=decision.context.tenant,
            variant=decision.variant.value,
            rule=decision.rule,
            config_version=decision.config_version,
            stale=decision.stale,
        )
        self._audit.record(
            Event(
                who=principal.name,
                tenant=decision.context.tenant,
                action="decision.made",
                subject="/".join(decision.key[2:]),
                why=decision.note or decision.rule,
                after=decision.to_json(),
                request_id=request_id,
            )
        )


def parse_decision(given: object, tenant: str) -> Decision:
    """What a caller gives back of its decision. Raises InvalidField; another tenant's is none of its own."""
    try:
        if not isinstance(given, dict):
            raise InvalidField("decision must be an object.", field="decision")
        GivenDecision.model_validate(given)
        decision = Decision.from_json(given)
    except ValidationError as error:
        place = invalid_field(error)
        raise InvalidField(f"decision.{place.detail}", field=f"decision.{place.field}") from None
    except ValueError as error:
        raise InvalidField(f"decision cannot be read: {str(error)[:200]}.", field="decision") from None
    if decision.context.tenant != tenant:
        raise InvalidField("decision is not of this tenant.", field="decision.context.tenant")
    return decision


def _without_temporal(fresh: Decision, error: Exception) -> Decision:
    if fresh.variant is Variant.LEGACY:
        return fresh
    # What lies behind the first colon names addresses, and is in the bridge's own log.
    why = error.detail.split(":")[0] if isinstance(error, CrossoverError) else "it does not answer in time"
    return replace(
        fresh,
        variant=Variant.LEGACY,
        reason=Reason.ERROR,
        note=f"The flags say {fresh.variant}, but Temporal is away, so this is legacy: {why}",
    )


def _with_unreadable_pin(fresh: Decision) -> Decision:
    note = "This node is pinned, but this release cannot read how, so this is legacy."
    return replace(fresh, variant=Variant.LEGACY, reason=Reason.ERROR, note=note)


def _of_run(fresh: Decision, existing: Snapshot) -> Decision:
    """The decision in the run's memo; a run that was started without one counts as crossover.

    Anyone who may start workflows in Temporal may have written the memo.
    """
    record = RunRecord.from_memo(existing.memo, tenant=fresh.context.tenant)
    note = "This node already has a run, which decides."
    decided = _readable(record.decision)
    if decided is not None and decided.key == fresh.key and decided.variant is not Variant.LEGACY:
        return replace(decided, note=note)
    shadow = decided is not None and decided.variant is Variant.SHADOW
    variant = Variant.SHADOW if shadow else Variant.CROSSOVER
    return replace(fresh, variant=variant, reason=Reason.TARGETING_MATCH, rule="run", note=note)


def _readable(given: Mapping[str, Any] | None) -> Decision | None:
    try:
        GivenDecision.model_validate(given)
        return Decision.from_json(given or {})
    except ValueError:
        return None
