"""The start request's fields and their limits, and how a wrong one is named."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from bridge.steps.outputs import valid_pointer
from bridge.steps.record import DEFAULT_GRACE, LONGEST_GRACE
from bridge.steps.registry import Seconds
from crossover.contract.durations import parse_duration
from crossover.contract.run import ArgoNode, OnCancel, Scope, valid_segment, valid_trace_id
from crossover.errors import InvalidField

MAX_OUTPUTS = 32
"""Output parameters of one step: they are kept in the run's memo, which should stay under 2 KB."""


def _segment(value: str) -> str:
    if not valid_segment(value):
        raise ValueError("must be letters, digits, '.', '_' or '-' and start with a letter or digit")
    return value


def checked_trace_id(value: str) -> str:
    if not valid_trace_id(value):
        raise ValueError("must be letters, digits, '.', '_' or '-', so that log lines can carry it")
    return value


def _pointer(value: str) -> str:
    if not valid_pointer(value):
        raise ValueError("must be a JSON Pointer such as /counts/tables")
    return value


Name = Annotated[str, Field(min_length=1, max_length=253)]
Segment = Annotated[Name, AfterValidator(_segment)]
ParameterName = Annotated[str, Field(min_length=1, max_length=128), AfterValidator(_segment)]
Pointer = Annotated[str, Field(max_length=512), AfterValidator(_pointer)]
Grace = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, le=LONGEST_GRACE)]


class Argo(BaseModel):
    """The Argo node that the run stands for; each field is a template variable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    namespace: Segment = Field(description="{{workflow.namespace}}")
    workflow: Segment = Field(description="{{workflow.name}}")
    uid: Segment = Field(description="{{workflow.uid}}")
    node_name: str = Field(min_length=1, max_length=2048, description="{{node.name}}")
    retries: int = Field(default=0, ge=0, le=10_000, description="{{retries}}")

    def node(self) -> ArgoNode:
        return ArgoNode(self.namespace, self.workflow, self.uid, self.node_name, self.retries)


class CallbackRequest(BaseModel):
    """The suspend node to complete when the run is over: by its id, or by an input that only it has."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    kind: Literal["argo"] = "argo"
    node_id: Segment | None = Field(default=None, description="The node's id, where it is known.")
    input: ParameterName = Field(default="run", description="An input parameter of the suspend node.")
    value: Annotated[str, Field(min_length=1, max_length=1024)] | None = Field(
        default=None, description="What that input has. Default: the run's id."
    )


class StartRequest(BaseModel):
    """`POST /v1/runs`. Durations are seconds or text such as `90s` and `1h30m`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app: Name | None = Field(default=None, description="Name in the app registry.")
    workflow_type: Name | None = Field(default=None, description="Instead of app; a pattern must allow it.")
    task_queue: Name | None = Field(default=None, description="Instead of app; a pattern must allow it.")
    input: dict[str, Any] = Field(default_factory=dict, description="The workflow's first argument.")
    argo: Argo
    trace_id: Annotated[Name, AfterValidator(checked_trace_id)] | None = Field(
        default=None, description="Default: the Argo workflow's name."
    )
    execution_timeout: Seconds | None = Field(default=None, description="Default: the app's, else 1h.")
    on_cancel: OnCancel = OnCancel.CANCEL
    cancel_grace: Grace = Field(default=DEFAULT_GRACE, description="From cancel to terminate.")
    scope: Scope = Scope.NODE
    outputs: dict[ParameterName, Pointer] | None = Field(default=None, max_length=MAX_OUTPUTS)
    callback: CallbackRequest | None = Field(
        default=None, description="A suspend node that waits for the run."
    )
    decision: dict[str, Any] | None = Field(
        default=None, description="The node's decision, as `POST /v1/decisions` answered it."
    )

    @model_validator(mode="after")
    def _app_or_type(self) -> StartRequest:
        direct = (self.workflow_type, self.task_queue)
        if self.app is None and None in direct:
            raise ValueError("name an `app`, or both `workflow_type` and `task_queue`")
        if self.app is not None and direct != (None, None):
            raise ValueError("`app` already says which workflow_type and task_queue: leave those out")
        return self


def invalid_field(error: ValidationError) -> InvalidField:
    """The first thing that is wrong, by its dotted name and without its value."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "(body)"
    message = first["msg"].removeprefix("Value error, ")
    return InvalidField(f"{field}: {message}.", field=field)
