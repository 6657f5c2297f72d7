"""Bodies of the run API beside the start request: what the OpenAPI document shows and routes check."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bridge.steps.request import Grace, Name
from crossover.contract.run import Mode, OnCancel, Phase

Reason = Annotated[str, Field(default="no reason was given", max_length=500)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class CancelBody(_Body):
    """`mode` and `grace` default to what the run was started with."""

    reason: Reason
    mode: OnCancel | None = None
    grace: Grace | None = None


class TerminateBody(_Body):
    reason: Reason


class ReleaseBody(_Body):
    """A step's pod got `signal`; `deadline` is its ARGO_DEADLINE where there is one."""

    signal: Annotated[str, Field(pattern=r"^SIG[A-Z0-9]{1,10}$")] = "SIGTERM"
    deadline: AwareDatetime | None = None


class SignalBody(_Body):
    """Repeats with the same `request_id` are delivered once."""

    name: Name
    args: list[Any] = Field(default_factory=list, max_length=16)
    request_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class QueryBody(_Body):
    name: Name
    args: list[Any] = Field(default_factory=list, max_length=16)


class UpdateBody(_Body):
    """Repeats with the same `update_id` get the same result."""

    name: Name
    args: list[Any] = Field(default_factory=list, max_length=16)
    update_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class ResetBody(_Body):
    """`event_id` is a WorkflowTaskCompleted event of the history; default: the first."""

    reason: Reason
    event_id: Annotated[int, Field(ge=3, lt=2**31)] | None = None
    request_id: Annotated[str, Field(min_length=1, max_length=128)] | None = None


class ArgoView(BaseModel):
    namespace: str
    workflow: str
    uid: str
    node_name: str
    retries: int


class TemporalView(BaseModel):
    namespace: str
    workflow_id: str
    run_id: str
    first_run_id: str
    status: str


class OutputsView(BaseModel):
    """Parameters are strings, as Argo's are; `result` is the workflow's whole result."""

    parameters: dict[str, str]
    result: Any


class ActivityView(BaseModel):
    id: str
    type: str
    state: str
    attempt: int
    last_failure: str | None
    next_attempt_at: datetime | None
    progress: str | None
    worker: str | None


class QueueView(BaseModel):
    name: str
    pollers: int
    backlog: int
    backlog_age_s: float | None
    last_poll_age_s: float | None
    workers: list[str]


class ProblemView(BaseModel):
    """Why an open run will not get on; `code` is stable, `message` says what to do."""

    code: str
    message: str


class FailureView(BaseModel):
    type: str
    message: str
    cause: FailureView | None


class LinksView(BaseModel):
    self: str
    temporal: str | None
    argo: str | None
    logs: str | None


class RunView(BaseModel):
    """A run. `revision` changes with everything a person would want to see."""

    model_config = ConfigDict(extra="forbid")

    id: str
    revision: str
    phase: Phase
    message: str
    exit_code: int | None
    app: str | None
    workflow_type: str
    task_queue: str
    tenant: str
    trace_id: str
    argo: ArgoView | None
    temporal: TemporalView
    outputs: OutputsView | None
    progress: str | None
    pending_activities: list[ActivityView]
    queue: QueueView | None
    problems: list[ProblemView]
    failure: FailureView | None
    cancel_requested: bool
    started_at: datetime | None
    closed_at: datetime | None
    deadline_at: datetime | None
    observed_at: datetime
    decision: dict[str, Any] | None
    mode: Mode
    links: LinksView


class RunList(BaseModel):
    """Newest first. Rows of open runs say Running also while no worker has picked them up."""

    runs: list[RunView]
    next_page_token: str | None


class ReleaseView(BaseModel):
    action: Literal["cancel", "detach"]
    reason: str


class ResultView(BaseModel):
    """A query's or an update's result."""

    result: Any


class ResetView(BaseModel):
    run_id: str = Field(description="The new Temporal run under the same run id.")


class HistoryView(BaseModel):
    events: list[dict[str, Any]] = Field(description="Temporal's own events, as its JSON has them.")
    next_page_token: str | None
