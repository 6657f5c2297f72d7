"""Answers of the decision API, for its OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from crossover.flags.model import Reason, Variant


class NodeView(BaseModel):
    namespace: str
    workflow: str
    uid: str
    node_name: str


class DecisionView(BaseModel):
    """Asked again for the same node, the same again."""

    flag: str
    value: bool = Field(description="Whether crossover's outcome counts.")
    variant: Variant
    reason: Reason
    rule: str = Field(description="Which rule decided; `run` for a node that already had a run.")
    config_version: int
    stale: bool = Field(description="The flag store could not be read; the last known document decided.")
    note: str
    context: dict[str, str]
    argo: NodeView
    trace_id: str
    decided_at: datetime


class MadeView(DecisionView):
    """`pinned`: by all replicas' store, or (while that is away) by this replica alone."""

    pinned: Literal["shared", "replica"]


class DecisionList(BaseModel):
    decisions: list[DecisionView]


class OutcomeView(BaseModel):
    """`differences`: JSON Pointers at which shadow's outputs differ from legacy's; null: not compared."""

    differences: list[str] | None
    compared: bool


class OutcomeRow(BaseModel):
    id: str
    side: Literal["legacy", "shadow", "crossover"]
    succeeded: bool
    duration_s: float
    at: datetime
    matches: bool | None


class OutcomeList(BaseModel):
    outcomes: list[OutcomeRow]
