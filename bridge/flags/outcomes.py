"""How decided nodes went: told by their steps, compared where both sides ran, and kept for rollouts."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from bridge.flags.decisions import parse_decision
from bridge.flags.request import OutcomeRequest
from crossover.errors import InvalidField, Unavailable
from crossover.flags.comparison import compare
from crossover.flags.decision import Decision
from crossover.flags.model import Variant
from crossover.flags.outcome import Outcome
from crossover.identity import Action, Principal, Resource, authorise
from crossover.stores.leases import StoreAway
from crossover.stores.outcomes import Outcomes
from crossover.telemetry import get_logger

_log = get_logger(__name__)

SIDES = {
    Variant.LEGACY: (Variant.LEGACY,),
    Variant.SHADOW: (Variant.LEGACY, Variant.SHADOW),
    Variant.CROSSOVER: (Variant.CROSSOVER,),
}
"""Which sides a node that was decided so has."""


class OutcomeBook:
    def __init__(self, outcomes: Outcomes) -> None:
        self.store = outcomes

    async def add(self, principal: Principal, asked: OutcomeRequest) -> list[str] | None:
        """Where shadow's outputs differ from legacy's, as JSON Pointers; None when nothing was compared.

        Telling is best effort: a store that is away loses an outcome, never a step. Raises InvalidField.
        """
        authorise(principal, Action.DECIDE, Resource(principal.tenant))
        decision = parse_decision(asked.decision, principal.tenant)
        if asked.side not in SIDES[decision.variant]:
            raise InvalidField(f"a node decided {decision.variant} has no side {asked.side}.", field="side")
        differences = _differences(asked)
        try:
            await self.store.add(_outcome(decision, asked, differences))
        except StoreAway as error:
            _log.warning("outcome not kept", trace_id=decision.trace_id, error=error.detail)
        if differences:
            _log.info("shadow differs", trace_id=decision.trace_id, places=differences[:10])
        return differences

    async def recent(self, principal: Principal, flag: str, limit: int) -> list[dict[str, Any]]:
        """Raises Unavailable."""
        authorise(principal, Action.READ, Resource(principal.tenant))
        try:
            found = await self.store.recent(principal.tenant, flag, limit)
        except StoreAway as error:
            raise Unavailable(f"The outcomes cannot be read: {error.detail}", retry_after=2) from None
        return [_row(outcome) for outcome in found]


def _differences(asked: OutcomeRequest) -> list[str] | None:
    if asked.side is not Variant.SHADOW or not {"outputs", "compare_with"} <= asked.model_fields_set:
        return None
    try:
        return compare(asked.compare_with, asked.outputs, list(asked.ignore))
    except ValueError as error:
        raise InvalidField(f"ignore: {error}.", field="ignore") from None


def _outcome(decision: Decision, asked: OutcomeRequest, differences: list[str] | None) -> Outcome:
    named = "/".join((*decision.key, asked.side))
    context = decision.context
    return Outcome(
        id=hashlib.sha256(named.encode()).hexdigest()[:32],
        tenant=context.tenant,
        flag=decision.flag,
        side=asked.side,
        succeeded=asked.phase in ("Succeeded", "Skipped"),
        duration=asked.duration_s,
        at=datetime.now(UTC),
        app=context.app,
        connector=context.connector,
        environment=context.environment,
        matches=None if differences is None else not differences,
    )


def _row(outcome: Outcome) -> dict[str, Any]:
    return {
        "id": outcome.id,
        "side": outcome.side.value,
        "succeeded": outcome.succeeded,
        "duration_s": outcome.duration,
        "at": outcome.at.isoformat(),
        "matches": outcome.matches,
    }
