"""Bodies of decisions, outcomes and evaluations, and their limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bridge.steps.request import Argo, Name, checked_trace_id
from crossover.flags.model import ENABLE_CROSSOVER, Context, FlagName, Variant, Word


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
