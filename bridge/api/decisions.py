"""Which way a node goes, and how it went."""

from __future__ import annotations

from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request, Response

from bridge.api.context import context_of, principal_of, read
from bridge.api.decision_models import DecisionList, MadeView, OutcomeList, OutcomeView
from bridge.api.documented import body
from bridge.flags.request import DecisionRequest, OutcomeRequest
from crossover import errors
from crossover.api.documented import problems
from crossover.api.requests import request_id_of
from crossover.contract.run import valid_trace_id
from crossover.flags.model import ENABLE_CROSSOVER, FlagName
from crossover.identity import Action, Resource, authorise
from crossover.strict_json import dump_json

router = APIRouter(prefix="/v1", tags=["decisions"])
_REFUSALS = problems(errors.InvalidField, errors.Unauthenticated, errors.Forbidden)
EXAMPLE = {
    "flag": ENABLE_CROSSOVER,
    "argo": {
        "namespace": "argo",
        "workflow": "nightly-x7k2p",
        "uid": "6f924afb-188d-43dd-a764-bf2668adfc9c",
        "node_name": "nightly-x7k2p.extract",
    },
    "app": "metadata-extractor",
}


@router.post(
    "/decisions",
    summary="Decide which way a node goes, or tell how it was decided",
    response_model=None,
    responses={200: {"model": MadeView}, **_REFUSALS},
    openapi_extra=body(DecisionRequest, EXAMPLE),
)
async def decide(request: Request) -> Response:
    """Answers within half a second, also while Redis and Temporal are away."""
    principal = await principal_of(request)
    authorise(principal, Action.DECIDE, Resource(principal.tenant))
    asked = await read(request, DecisionRequest)
    structlog.contextvars.bind_contextvars(trace_id=asked.trace_id or asked.argo.workflow)
    decisions = context_of(request).decisions
    decision = await decisions.decide(principal, asked, request_id_of())
    content = {**decision.to_json(), "pinned": decisions.place(decision)}
    return Response(dump_json(content), media_type="application/json")


@router.get(
    "/decisions",
    summary="The decisions of a trace",
    response_model=None,
    responses={200: {"model": DecisionList}, **_REFUSALS, **problems(errors.Unavailable)},
)
async def of_trace(request: Request, trace_id: Annotated[str, Query(max_length=253)]) -> Response:
    principal = await principal_of(request)
    if not valid_trace_id(trace_id):
        raise errors.InvalidField("trace_id has characters that no trace id has.", field="trace_id")
    found = await context_of(request).decisions.of_trace(principal, trace_id)
    content = {"decisions": [decision.to_json() for decision in found]}
    return Response(dump_json(content), media_type="application/json")


@router.post(
    "/outcomes",
    status_code=202,
    summary="Tell how one side of a decided node went",
    response_model=None,
    responses={202: {"model": OutcomeView}, **_REFUSALS},
    openapi_extra=body(
        OutcomeRequest,
        {"decision": {"flag": ENABLE_CROSSOVER}, "side": "legacy", "phase": "Succeeded", "duration_s": 12.5},
    ),
)
async def add_outcome(request: Request) -> Response:
    principal = await principal_of(request)
    authorise(principal, Action.DECIDE, Resource(principal.tenant))
    asked = await read(request, OutcomeRequest)
    differences = await context_of(request).outcomes.add(principal, asked)
    content = {"differences": differences, "compared": differences is not None}
    return Response(dump_json(content), status_code=202, media_type="application/json")


@router.get(
    "/outcomes",
    summary="The tenant's outcomes, newest first",
    response_model=None,
    responses={200: {"model": OutcomeList}, **_REFUSALS, **problems(errors.Unavailable)},
)
async def list_outcomes(
    request: Request,
    flag: Annotated[FlagName, Query()] = ENABLE_CROSSOVER,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    principal = await principal_of(request)
    found = await context_of(request).outcomes.recent(principal, flag, limit)
    return Response(dump_json({"outcomes": found}), media_type="application/json")
