"""From a request to a start plan, and from an existing run to `attach` or a conflict."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from bridge.steps.engine import RunRef, Snapshot, StartPlan
from bridge.steps.record import Callback, RunRecord
from bridge.steps.registry import App, check_input
from bridge.steps.request import CallbackRequest, StartRequest
from crossover.contract import names
from crossover.contract.run import Mode, fingerprint, run_id
from crossover.errors import InputConflict, InvalidField
from crossover.flags.decision import Decision


def plan_start(
    request: StartRequest,
    app: App,
    *,
    tenant: str,
    namespace: str,
    traceparent: str | None,
    key: str | None,
    may_have_started: bool,
    decision: Decision | None = None,
    mode: Mode = Mode.STEP,
    cluster: str = "",
) -> StartPlan:
    """Everything that the start needs, checked.

    Raises:
        InvalidField: the input breaks the app's schema or sets a context key, or the timeout is too long.
    """
    check_input(app, request.input)
    trace_id = request.trace_id or request.argo.workflow
    context = _context(request, tenant=tenant, trace_id=trace_id, traceparent=traceparent)
    work = fingerprint(app.workflow_type, app.task_queue, request.input)
    request_id = _request_id(tenant, key, work)
    run = run_id(tenant, request.argo.node(), request.scope)
    mode = mode if request.callback is None else Mode.CALLBACK
    record = RunRecord(
        tenant=tenant,
        trace_id=trace_id,
        fingerprint=work,
        request_id=request_id,
        app=request.app,
        argo=request.argo.node(),
        on_cancel=request.on_cancel,
        cancel_grace=request.cancel_grace,
        outputs=request.outputs,
        decision=decision.to_json() if decision else None,
        mode=mode,
        callback=_callback(request.callback, run),
        cluster=cluster,
    )
    return StartPlan(
        ref=RunRef(namespace, run),
        workflow_type=app.workflow_type,
        task_queue=app.task_queue,
        input=_first_argument(request.input, context) if app.context_in_input else request.input,
        headers=_headers(context),
        memo={**context, names.MEMO_RUN: record.to_memo()},
        search_attributes=_search_attributes(trace_id, decision, mode),
        execution_timeout=_execution_timeout(request, app),
        request_id=request_id,
        fingerprint=work,
        summary=f"Argo {request.argo.namespace}/{request.argo.workflow}: {request.argo.node_name}"[:200],
        may_have_started=may_have_started,
    )


def _callback(asked: CallbackRequest | None, run: str) -> Callback | None:
    return None if asked is None else Callback(asked.node_id, asked.input, asked.value or run)


def _search_attributes(trace_id: str, decision: Decision | None, mode: Mode) -> dict[str, str]:
    found = {names.SEARCH_TRACE_ID: trace_id, names.SEARCH_MODE: mode.value}
    return found if decision is None else {**found, names.SEARCH_VARIANT: decision.variant.value}


def _request_id(tenant: str, key: str | None, work: str) -> str:
    """Temporal answers a repeated request id with the run it made, unasked whether the work is the same:
    so the work is part of the id, and a key that is used again for other work is a conflict."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"crossover:{tenant}:{key}:{work}") if key else uuid.uuid4())


def check_attach(plan: StartPlan, existing: Snapshot) -> None:
    """Raises InputConflict unless the existing run does the planned work."""
    record = RunRecord.from_memo(existing.memo, tenant="")
    if record.fingerprint == plan.fingerprint:
        return
    different = _difference(plan, existing)
    raise InputConflict(
        f"This node already has run {existing.run_id} with another {different}. A retried node attaches only "
        "to the same work: submit a new workflow, or use scope=attempt to give each retry a run of its own.",
        field=different.replace(" ", "_"),
    )


def is_same_request(plan: StartPlan, existing: Snapshot) -> bool:
    """Whether the existing run comes from an earlier try of this very request.

    Temporal forgets a start's request id when the run continues as new or is retried by its own policy;
    the memo, which every run of a chain inherits, does not.
    """
    record = RunRecord.from_memo(existing.memo, tenant="")
    return bool(record.request_id) and record.request_id == plan.request_id


def _difference(plan: StartPlan, existing: Snapshot) -> str:
    if existing.workflow_type != plan.workflow_type:
        return "workflow type"
    return "task queue" if existing.task_queue != plan.task_queue else "input"


def _context(request: StartRequest, *, tenant: str, trace_id: str, traceparent: str | None) -> dict[str, str]:
    context = {
        names.TRACE_ID: trace_id,
        names.CORRELATION_ID: trace_id,
        names.ARGO_WORKFLOW: request.argo.workflow,
        names.ARGO_NODE: request.argo.node_name,
        names.TENANT: tenant,
    }
    return context if traceparent is None else {**context, names.TRACEPARENT: traceparent}


def _headers(context: Mapping[str, str]) -> dict[str, Any]:
    """`_tracer-data` is the carrier that Temporal's own OpenTelemetry interceptor reads.

    Source: temporalio/contrib/opentelemetry/_interceptor.py (`header_key`).
    """
    headers: dict[str, Any] = {**context, names.CORRELATION_HEADER: context[names.TRACE_ID]}
    if names.TRACEPARENT in context:
        headers["_tracer-data"] = {"traceparent": context[names.TRACEPARENT]}
    return headers


def _first_argument(input: Mapping[str, Any], context: Mapping[str, str]) -> dict[str, Any]:
    for key in names.CONTEXT_KEYS:
        if key in input and input[key] != context.get(key):
            raise InvalidField(
                f"input.{key} is set by the bridge: leave it out, or set the request's own field. "
                "(An app that needs this key for itself is registered with context_in_input: false.)",
                field=f"input.{key}",
            )
    return {**input, **context}


def _execution_timeout(request: StartRequest, app: App) -> float:
    timeout = request.execution_timeout
    if timeout is None:
        return min(app.execution_timeout, app.max_execution_timeout)
    if timeout > app.max_execution_timeout:
        raise InvalidField(
            f"execution_timeout is {timeout:g} s; this app allows at most {app.max_execution_timeout:g} s.",
            field="execution_timeout",
        )
    return timeout
