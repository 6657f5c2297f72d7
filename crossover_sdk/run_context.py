"""What a run knows about where it came from, and the places in which that is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadConverter

from crossover_sdk import names

_TRACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")

Headers = Mapping[str, Payload]


@dataclass(frozen=True, slots=True)
class RunContext:
    """The Argo node that this Temporal run works for.

    Attributes:
        trace_id: the id on every log line; by default the name of the Argo workflow.
        argo_workflow: name of the Argo workflow.
        argo_node: name of the Argo node.
        tenant: whom the run works for.
        traceparent: W3C trace context (https://www.w3.org/TR/trace-context/#traceparent-header).
    """

    trace_id: str
    argo_workflow: str | None = None
    argo_node: str | None = None
    tenant: str | None = None
    traceparent: str | None = None

    def items(self) -> dict[str, str]:
        """The context under the keys in which it travels."""
        fields = {
            names.TRACE_ID: self.trace_id,
            names.ARGO_WORKFLOW: self.argo_workflow,
            names.ARGO_NODE: self.argo_node,
            names.TENANT: self.tenant,
            names.TRACEPARENT: self.traceparent,
            names.CORRELATION_ID: self.trace_id,
            names.CORRELATION_HEADER: self.trace_id,
        }
        return {key: value for key, value in fields.items() if value is not None}


def is_trace_id(value: object) -> bool:
    """Trace ids have no separators, so that `trace_id=<id>` is one exact token of a log line."""
    return isinstance(value, str) and _TRACE.fullmatch(value) is not None


def from_values(values: Mapping[str, Any]) -> RunContext | None:
    """The context in `values`, or None when they hold no valid trace id."""
    trace_id = next((values[key] for key in names.TRACE_KEYS if is_trace_id(values.get(key))), None)
    if trace_id is None:
        return None

    def text(key: str) -> str | None:
        value = values.get(key)
        return value if isinstance(value, str) else None

    return RunContext(
        trace_id,
        argo_workflow=text(names.ARGO_WORKFLOW),
        argo_node=text(names.ARGO_NODE),
        tenant=text(names.TENANT),
        traceparent=text(names.TRACEPARENT),
    )


def from_headers(headers: Headers) -> RunContext | None:
    """The context in Temporal headers, each a JSON string (`json/plain`)."""
    values = {key: _decoded(headers[key]) for key in _KEYS if key in headers}
    return from_values(values)


def from_arguments(args: Sequence[Any]) -> RunContext | None:
    """The context in the first argument's top-level keys, where that argument is a mapping."""
    first = args[0] if args else None
    return from_values(first) if isinstance(first, Mapping) else None


def add_headers(headers: Headers, run: RunContext | None) -> Headers:
    """`headers` with the context of `run`; what they already say stays, and two runs are never mixed."""
    if run is None or names.TRACE_ID in headers:
        return headers
    encode = PayloadConverter.default.to_payload
    return {**{key: encode(value) for key, value in run.items().items()}, **headers}


_KEYS = tuple(RunContext("-", "-", "-", "-", "-").items())


def _decoded(payload: Payload) -> Any:
    try:
        return PayloadConverter.default.from_payload(payload)
    except Exception:  # whatever another program put there must not fail a workflow task
        return None
