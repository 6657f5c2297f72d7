"""The flag document: what an operator writes, kept as one value with one version.

    {"schema": 1, "kill": false, "flags": {"enable_crossover": {
        "kill": false,
        "deny":    [{"tenants": ["acme"], "when": {"app": ["billing"]}}],
        "allow":   [{"tenants": ["beta"], "variant": "crossover"}],
        "rollout": [{"when": {"connector": ["hive"]}, "crossover": 25, "shadow": 10}, {"crossover": 5}]}}}

Rules are asked in the order kill switch, deny, allow, rollout, default; the first that applies decides.
Whatever nothing else decides is `legacy`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from crossover.contract.durations import parse_duration
from crossover.contract.run import valid_tenant

ENABLE_CROSSOVER = "enable_crossover"
"""The flag that decides whether a step runs on Temporal."""

WEIGHTS = 100_000
"""Buckets of a rollout: percentages have at most three decimals."""


class Variant(StrEnum):
    """Which way a run goes. `shadow`: both, and legacy's outcome counts."""

    LEGACY = "legacy"
    SHADOW = "shadow"
    CROSSOVER = "crossover"

    @property
    def value_of_flag(self) -> bool:
        """The boolean that OpenFeature clients see: whether crossover's outcome counts."""
        return self is Variant.CROSSOVER


class Reason(StrEnum):
    """OpenFeature's standard reasons (https://openfeature.dev/specification/types#resolution-details)."""

    DISABLED = "DISABLED"
    TARGETING_MATCH = "TARGETING_MATCH"
    SPLIT = "SPLIT"
    DEFAULT = "DEFAULT"
    STALE = "STALE"
    ERROR = "ERROR"


def _tenant(value: str) -> str:
    if not valid_tenant(value):
        raise ValueError("a tenant is lower-case letters, digits and hyphens, 63 at most")
    return value


def _three_decimals(value: float) -> float:
    if abs(value * 1000 - round(value * 1000)) > 1e-6:
        raise ValueError("a percentage has at most three decimals")
    return round(value, 3)


TenantName = Annotated[
    str,
    AfterValidator(_tenant),
    WithJsonSchema({"type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"}),
]
FlagName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Word = Annotated[str, Field(min_length=1, max_length=128)]
Percentage = Annotated[float, Field(ge=0, le=100), AfterValidator(_three_decimals)]
Seconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(ge=0, le=30 * 86400.0),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "examples": ["1h30m"]}]}),
]
Text = Annotated[str, Field(max_length=500)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class When(_Strict):
    """A condition. A key that is left out, or empty, takes every value; one that is set takes those named."""

    app: tuple[Word, ...] = ()
    connector: tuple[Word, ...] = ()
    environment: tuple[Word, ...] = ()


class Deny(_Strict):
    """These tenants stay legacy, whatever else says otherwise."""

    tenants: tuple[TenantName, ...] = Field(min_length=1)
    when: When = When()


class Allow(_Strict):
    """These tenants get `variant`, whatever the rollout says."""

    tenants: tuple[TenantName, ...] = Field(min_length=1)
    variant: Literal[Variant.SHADOW, Variant.CROSSOVER] = Variant.CROSSOVER
    when: When = When()


class Gate(_Strict):
    """What must hold for a plan to go on. Each figure is of crossover's (and shadow's) outcomes since the
    step began, and needs `min_outcomes` of them; what is None is not asked."""

    min_outcomes: int = Field(default=20, ge=0, le=1_000_000)
    max_failure_rate: Annotated[float, Field(ge=0, le=1)] | None = None
    max_duration_ratio: Annotated[float, Field(gt=0)] | None = Field(
        default=None, description="Median duration of crossover's outcomes by legacy's."
    )
    max_mismatch_rate: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="Shadow's outcomes whose outputs differ from legacy's."
    )
    parity: Annotated[str, Field(max_length=500)] | None = Field(
        default=None,
        description="Name of a parity verdict that the bridge's settings map to a file or URL.",
    )


class PlanStep(_Strict):
    """Percentages that hold for at least `hold` seconds before the next step."""

    crossover: Percentage = 0.0
    shadow: Percentage = 0.0
    hold: Seconds = 3600.0

    @model_validator(mode="after")
    def _at_most_all(self) -> PlanStep:
        if self.crossover + self.shadow > 100:
            raise ValueError("crossover and shadow are more than 100 percent together")
        return self


class PlanStatus(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    HALTED = "halted"
    COMPLETED = "completed"


class Plan(_Strict):
    """A staged rollout and where it stands. `step` counts from 0; `back` is what a halt returns to."""

    steps: tuple[PlanStep, ...] = Field(min_length=1, max_length=50)
    gate: Gate = Gate()
    status: PlanStatus = PlanStatus.RUNNING
    step: int = Field(default=0, ge=0)
    since: AwareDatetime | None = Field(default=None, description="When the step began; None: not yet.")
    back: PlanStep = PlanStep()
    note: Text = Field(default="", description="Why it halted, or what it waits for.")

    @model_validator(mode="after")
    def _within(self) -> Plan:
        if self.step >= len(self.steps):
            raise ValueError(f"step {self.step} is none of its {len(self.steps)} steps")
        return self


class Split(_Strict):
    """A sticky share of the tenants: `crossover` percent, the next `shadow` percent, the rest legacy."""

    crossover: Percentage = 0.0
    shadow: Percentage = 0.0
    when: When = When()
    plan: Plan | None = None

    @model_validator(mode="after")
    def _at_most_all(self) -> Split:
        if self.crossover + self.shadow > 100:
            raise ValueError("crossover and shadow are more than 100 percent together")
        return self


class Flag(_Strict):
    """One flag. `salt` (default: its name) decides which tenants come first; changing it deals anew."""

    description: Text = ""
    kill: bool = False
    deny: tuple[Deny, ...] = Field(default=(), max_length=1000)
    allow: tuple[Allow, ...] = Field(default=(), max_length=1000)
    rollout: tuple[Split, ...] = Field(default=(), max_length=100)
    salt: Annotated[str, Field(min_length=1, max_length=64)] | None = None


class Document(_Strict):
    """All flags. `kill` is the switch for all of them: everything new is legacy."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    kill: bool = False
    flags: Mapping[FlagName, Flag] = Field(default_factory=dict, max_length=200)


class Context(_Strict):
    """What an evaluation is about."""

    tenant: TenantName
    app: Word | None = None
    connector: Word | None = None
    environment: Word | None = None
