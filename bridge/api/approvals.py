"""Human approval: ask, look, wait, decide."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request, Response

from bridge.api.approval_models import ApprovalList, ApprovalView
from bridge.api.context import Context, context_of, principal_of, read
from bridge.api.documented import ASKS_TEMPORAL, body
from bridge.approvals.record import Kept, State
from bridge.approvals.request import ApprovalRequest, DecisionBody
from bridge.approvals.view import approval_view
from crossover import errors
from crossover.api.documented import problems
from crossover.api.requests import request_id_of
from crossover.contract.durations import parse_duration
from crossover.contract.run import valid_trace_id
from crossover.strict_json import dump_json

LONGEST_WAIT = 60.0
"""Seconds. Shorter than the idle limits of common proxies; a client simply asks again."""

EXAMPLE: dict[str, Any] = {
    "argo": {
        "namespace": "argo",
        "workflow": "nightly-x7k2p",
        "uid": "5b8c3f0e-6f0a-4b57-9d3e-0d8a4e2f9a11",
        "node_name": "nightly-x7k2p.ask",
    },
    "title": "Delete 312 stale tables",
    "details": {"confidence": 0.62, "tables": 312},
    "expires_in": "8h",
    "resumes": False,
}

router = APIRouter(prefix="/v1/approvals", tags=["approvals"])
_REFUSALS = {**ASKS_TEMPORAL, **problems(errors.InvalidField, errors.Unauthenticated, errors.Forbidden)}
_OF_ONE = {**_REFUSALS, **problems(errors.NotFound)}


def _answer(context: Context, kept: Kept, status: int = 200) -> Response:
    structlog.contextvars.bind_contextvars(trace_id=kept.record.trace_id, approval=kept.id)
    view = approval_view(kept, context.settings.links())
    return Response(dump_json(view), status_code=status, media_type="application/json")


@router.post(
    "",
    status_code=201,
    summary="Ask for an approval, or find the one that was asked for",
    response_model=None,
    responses={
        201: {"model": ApprovalView, "description": "It was asked for."},
        200: {"model": ApprovalView, "description": "It had been asked for, with the same content."},
        **_OF_ONE,
        **problems(errors.Conflict, errors.RunClosed),
    },
    openapi_extra=body(ApprovalRequest, EXAMPLE),
)
async def ask(request: Request) -> Response:
    """What was rejected, has expired or was withdrawn is asked for anew."""
    principal = await principal_of(request)
    asked = await read(request, ApprovalRequest)
    context = context_of(request)
    created, kept = await context.approvals.ask(principal, asked, request_id_of())
    response = _answer(context, kept, 201 if created else 200)
    response.headers["Location"] = f"/v1/approvals/{kept.id}"
    return response


@router.get(
    "",
    summary="List the tenant's approvals, newest first",
    response_model=None,
    responses={200: {"model": ApprovalList}, **_REFUSALS},
)
async def list_approvals(
    request: Request,
    state: State | None = None,
    trace_id: Annotated[str | None, Query(max_length=253)] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
    page_token: Annotated[str | None, Query(max_length=4096)] = None,
) -> Response:
    principal = await principal_of(request)
    if trace_id is not None and not valid_trace_id(trace_id):
        raise errors.InvalidField("trace_id has characters that no trace id has.", field="trace_id")
    context = context_of(request)
    found, token = await context.approvals.list(
        principal, state=state, trace_id=trace_id, limit=limit, page_token=page_token
    )
    links = context.settings.links()
    content = {"approvals": [approval_view(kept, links) for kept in found], "next_page_token": token}
    return Response(dump_json(content), media_type="application/json")


@router.get(
    "/{approval}",
    summary="An approval; with `wait`, once it is over",
    response_model=None,
    responses={200: {"model": ApprovalView}, **_OF_ONE},
)
async def get(
    request: Request,
    approval: str,
    wait: Annotated[str | None, Query(max_length=16, description="For example 30s; at most 60s.")] = None,
) -> Response:
    principal = await principal_of(request)
    context = context_of(request)
    if wait is None:
        return _answer(context, await context.approvals.get(principal, approval))
    kept = await context.approvals.wait(principal, approval, timeout=_seconds(wait), stop=context.closing)
    return _answer(context, kept)


@router.post(
    "/{approval}",
    summary="Approve it, or reject it",
    response_model=None,
    responses={200: {"model": ApprovalView}, **_OF_ONE, **problems(errors.RunClosed)},
    openapi_extra=body(DecisionBody, {"decision": "approve", "reason": "checked the list"}),
)
async def decide(request: Request, approval: str) -> Response:
    """One decision stands; who repeats the own one gets the same answer."""
    principal = await principal_of(request)
    decision = await read(request, DecisionBody)
    context = context_of(request)
    return _answer(context, await context.approvals.decide(principal, approval, decision, request_id_of()))


def _seconds(wait: str) -> float:
    try:
        return min(parse_duration(wait), LONGEST_WAIT)
    except ValueError as error:
        raise errors.InvalidField(f"wait {error}.", field="wait") from None
