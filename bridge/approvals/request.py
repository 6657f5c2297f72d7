"""The bodies of the approval API and their limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from bridge.approvals.record import DAY, LONGEST
from bridge.steps.request import Argo, Name, ParameterName, Segment, checked_trace_id
from crossover.contract.durations import parse_duration
from crossover.strict_json import dump_json

DETAILS_LIMIT = 8192
"""Bytes of JSON: what somebody reads before deciding. More belongs behind a link."""


def _small(value: dict[str, Any] | None) -> dict[str, Any] | None:
    if value is not None and len(dump_json(value)) > DETAILS_LIMIT:
        raise ValueError(f"must be at most {DETAILS_LIMIT} bytes of JSON: give a link to the rest")
    return value


def _spoken(value: str) -> str:
    if not value.strip():
        raise ValueError("must say something")
    return value


class SuspendNode(BaseModel):
    """The suspend node that waits: by its id, or by an input parameter that only it has."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    node_id: Segment | None = Field(default=None, description="The node's id, where it is known.")
    input: ParameterName = Field(default="approval", description="An input parameter of the node.")
    value: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="What that input has. Default: the approval's id."
    )


class WaitingRun(BaseModel):
    """The run that waits, and the signal that it waits for."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    id: Annotated[str, Field(min_length=1, max_length=1000)]
    signal: Name


class ApprovalRequest(BaseModel):
    """`POST /v1/approvals`: asked by an Argo node, by a run, or by both."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    argo: Argo | None = Field(default=None, description="The node that asks.")
    run: WaitingRun | None = Field(default=None, description="A run that waits for a signal.")
    name: Segment | None = Field(
        default=None, description="Tells several approvals of one node or run apart."
    )
    title: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_spoken)]
    description: Annotated[str, Field(max_length=2000)] = ""
    details: Annotated[dict[str, Any] | None, AfterValidator(_small)] = Field(
        default=None, description="What to know before deciding; no secrets: all of the tenant can read it."
    )
    expires_in: Annotated[float, BeforeValidator(parse_duration), Field(ge=1, le=LONGEST)] = Field(
        default=DAY, description="Then nobody can approve it any more, and it counts as not approved."
    )
    four_eyes: bool = Field(default=True, description="Whoever started the work may not approve it.")
    requested_by: Name | None = Field(default=None, description="On whose behalf. Default: the caller.")
    trace_id: Annotated[Name, AfterValidator(checked_trace_id)] | None = Field(
        default=None, description="Default: the Argo workflow's name, or the run's trace."
    )
    callback: SuspendNode | None = Field(
        default=None, description="Default: the suspend node whose input `approval` is the approval's id."
    )
    resumes: bool = Field(
        default=True, description="Whether a suspend node waits; false where the caller itself waits."
    )

    @model_validator(mode="after")
    def _has_a_target(self) -> ApprovalRequest:
        if self.argo is None and self.run is None:
            raise ValueError("name the `argo` node that asks, or a `run` and its signal")
        if self.callback is not None and (self.argo is None or not self.resumes):
            raise ValueError("`callback` is a suspend node of `argo`'s workflow, and `resumes` must be true")
        return self


class DecisionBody(BaseModel):
    """`POST /v1/approvals/{id}`. Who decides is whoever calls."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decision: Literal["approve", "reject"]
    reason: Annotated[str, Field(max_length=500)] = ""

    @model_validator(mode="after")
    def _rejections_have_reasons(self) -> DecisionBody:
        if self.decision == "reject" and not self.reason.strip():
            raise ValueError("a rejection needs a `reason`: somebody has to act on it")
        return self
