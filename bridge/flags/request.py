"""Bodies of decisions, outcomes and evaluations, and their limits."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bridge.steps.request import Argo, Name, checked_trace_id
from crossover.flags.model import ENABLE_CROSSOVER, Context, FlagName, Reason, Variant, Word


def _moment(value: str) -> str:
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None and at.timestamp() >= 0:
            return value
    except (ValueError, OverflowError):
        pass
    raise ValueError("must be a time with its zone, such as 2026-01-31T12:00:00+00:00")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DecisionRequest(_Body):
    """`POST /v1/decisions`: which way shall this node go? The tenant is the caller's."""

    flag: FlagName = ENABLE_CROSSOVER
    argo: Argo
    app: Word | None = None
    connector: Word | None = None
    environment: Word | None = None
    trace_id: Annotated[Name, AfterValidator(checked_trace_id)] | None = Field(
        default=None, description="Default: the Argo workflow's name."
    )

    def context(self, tenant: str) -> Context:
        return Context(tenant=tenant, app=self.app, connector=self.connector, environment=self.environment)


class GivenDecision(BaseModel):
    """A decision that a caller gives back: it becomes part of keys, memos and the audit, so all of it is
    checked. What a newer release has added is of no effect."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    flag: FlagName
    variant: Variant
    reason: Reason
    rule: Annotated[str, Field(max_length=1000)]
    config_version: Annotated[int, Field(strict=True, ge=0, lt=2**53)]
    context: Context
    argo: Argo
    trace_id: Annotated[Name, AfterValidator(checked_trace_id)]
    decided_at: Annotated[str, Field(max_length=64), AfterValidator(_moment)]
    stale: Annotated[bool, Field(strict=True)] = False
    note: Annotated[str, Field(max_length=2000)] = ""


class OutcomeRequest(_Body):
    """`POST /v1/outcomes`: how one side of a decided node went. Shadow's side names legacy's outputs in
    `compare_with`, so that the two are compared."""

    decision: dict[str, Any] = Field(description="As `POST /v1/decisions` answered it.")
    side: Variant
    phase: Literal["Succeeded", "Failed", "Error", "Skipped", "Omitted"]
    duration_s: Annotated[float, Field(ge=0, le=90 * 86400)]
    outputs: Any = None
    compare_with: Any = None
    ignore: tuple[Annotated[str, Field(max_length=512)], ...] = Field(
        default=(), max_length=64, description="JSON Pointers of what may differ."
    )


class EvaluationContext(BaseModel):
    """OpenFeature's evaluation context: what we do not know is of no effect."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    targetingKey: str | None = None
    app: str | None = None
    connector: str | None = None
    environment: str | None = None
