"""Bodies of the approval API that routes answer with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from bridge.api.models import ArgoView
from bridge.approvals.record import State


class CallbackView(BaseModel):
    node_id: str | None
    input: str
    value: str


class WaitingRunView(BaseModel):
    id: str
    signal: str


class ApprovalLinksView(BaseModel):
    self: str
    run: str | None
    argo: str | None
    logs: str | None


class ApprovalView(BaseModel):
    """An approval. `withdrawn`: what waited for it was over before anybody decided."""

    model_config = ConfigDict(extra="forbid")

    id: str
    state: State
    title: str
    description: str
    details: dict[str, Any] | None
    tenant: str
    trace_id: str
    argo: ArgoView | None
    callback: CallbackView | None = Field(description="The suspend node that waits.")
    run: WaitingRunView | None
    requested_by: str = Field(description="On whose behalf, as the request says.")
    starter: str = Field(description="The caller that asked.")
    four_eyes: bool
    decided_by: str | None
    reason: str | None
    created_at: datetime
    expires_at: datetime
    closed_at: datetime | None
    links: ApprovalLinksView


class ApprovalList(BaseModel):
    """Newest first."""

    approvals: list[ApprovalView]
    next_page_token: str | None
