"""Bodies of the flag API: what the OpenAPI document shows and routes check."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bridge.flags.changes import Changed
from bridge.flags.rollouts import Standing
from crossover.flags.model import Document, Flag, Gate, Percentage, PlanStep, TenantName, Variant, When

Reason = Annotated[str, Field(min_length=3, max_length=500, description="Why; it is kept in the audit.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ReasonBody(_Body):
    reason: Reason


class DocumentBody(_Body):
    document: Document
    reason: Reason


class FlagBody(_Body):
    flag: Flag
    reason: Reason


class FlagView(BaseModel):
    flag: dict[str, Any] = Field(description="What is set; the rest is as it is by default.")


class SwitchBody(_Body):
    """The kill switch: `on` makes everything new legacy."""

    on: bool = True
    reason: Reason


class AllowBody(_Body):
    tenant: TenantName
    variant: Literal[Variant.SHADOW, Variant.CROSSOVER] = Variant.CROSSOVER
    when: When = When()
    reason: Reason


class DenyBody(_Body):
    tenant: TenantName
    when: When = When()
    reason: Reason


class ClearBody(_Body):
    """Takes a tenant out of allow and deny: the rollout decides for it again."""

    tenant: TenantName
    reason: Reason


class RolloutBody(_Body):
    """Percentages of the rollout with this condition; it is made when there is none."""

    crossover: Percentage
    shadow: Percentage = 0.0
    when: When = When()
    reason: Reason


class PlanBody(_Body):
    """A staged rollout of the split with this condition."""

    steps: Annotated[tuple[PlanStep, ...], Field(min_length=1, max_length=50)]
    gate: Gate = Gate()
    when: When = When()
    reason: Reason


class PlanControlBody(_Body):
    when: When = When()
    reason: Reason


class RestoreBody(_Body):
    """`replica`: what this replica knows is right. `store`: what the store holds is."""

    side: Literal["replica", "store"]
    reason: Reason


class ChangeView(BaseModel):
    who: str
    why: str
    at: datetime
    action: str
    request_id: str


class VersionView(BaseModel):
    number: int
    previous: str
    document: dict[str, Any]
    change: ChangeView | None
    digest: str


class VersionsView(BaseModel):
    versions: list[VersionView] = Field(description="Newest first.")


class EffectView(BaseModel):
    tenant: str
    flag: str
    before: str
    after: str
    where: Any = Field(description="Conditions under which; empty: always.")


class ChangedView(BaseModel):
    """`version` is null for a dry run and for a change that changes nothing."""

    version: VersionView | None
    document: dict[str, Any]
    effects: list[EffectView] = Field(description="Which known tenants go another way by this change.")
    shadowed: list[str] = Field(description="Rules that can never decide, a sentence each.")


class StoreView(BaseModel):
    state: Literal["fresh", "stale", "refused"]
    since: datetime
    detail: str
    version: int
    digest: str
    writable: bool


class ExplainView(BaseModel):
    evaluation: dict[str, Any]
    bucket: int | None
    stale: bool
    steps: list[dict[str, Any]]


class TallyView(BaseModel):
    count: int
    failed: int
    median_duration: float | None
    compared: int
    mismatched: int


class StandingView(BaseModel):
    """`ruling`: whether the gate holds, waits (for what `sentence` says), or is broken."""

    when: dict[str, list[str]]
    plan: dict[str, Any]
    ruling: str
    sentence: str
    figures: dict[str, TallyView] = Field(description="By side, since the step began.")


class StandingsView(BaseModel):
    plans: list[StandingView]
    trouble: str | None = Field(description="Why plans stay where they are, if they do.")


def standing_view(standing: Standing) -> dict[str, Any]:
    figures, plan = standing.figures, standing.split.plan
    sides = {"crossover": figures.crossover, "shadow": figures.shadow, "legacy": figures.legacy}
    return {
        "when": standing.split.when.model_dump(mode="json", exclude_defaults=True),
        "plan": plan.model_dump(mode="json", exclude_defaults=True) if plan else {},
        "ruling": standing.verdict.ruling.value,
        "sentence": standing.verdict.sentence,
        "figures": {side: asdict(tally) for side, tally in sides.items()},
    }


def changed_view(changed: Changed) -> dict[str, Any]:
    return {
        "version": changed.version.to_json() if changed.version else None,
        "document": changed.document.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "effects": [effect.to_json() for effect in changed.effects],
        "shadowed": changed.shadowed,
    }
