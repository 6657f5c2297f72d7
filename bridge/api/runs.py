"""The run API: start or attach, get and wait, list, history."""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import APIRouter, Query, Request, Response
from opentelemetry import trace
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from bridge.api.context import answer, context_of, principal_of, read
from bridge.api.documented import ASKS_TEMPORAL, START_EXAMPLE, body, start_headers
from bridge.api.models import HistoryView, RunList, RunView
from bridge.steps.engine import Status
from bridge.steps.request import StartRequest
from crossover import errors
from crossover.api.documented import problems
from crossover.contract.durations import parse_duration
from crossover.contract.names import IDEMPOTENCY_HEADER, RETRY_HEADER
from crossover.contract.run import Phase, valid_trace_id
from crossover.contract.trace import valid_traceparent
from crossover.identity import Action, Resource, authorise
from crossover.strict_json import dump_json

LONGEST_WAIT = 60.0
"""Seconds. Shorter than the idle limits of common proxies; a client simply asks again."""

router = APIRouter(prefix="/v1/runs", tags=["runs"])
_propagator = TraceContextTextMapPropagator()


@router.post(
    "",
    status_code=201,
    summary="Start a run, or attach to the one that exists",
    response_model=None,
    responses={
        201: {"model": RunView, "description": "The run was started."},
        200: {"model": RunView, "description": "The run existed, with the same work."},
        **problems(
            errors.InvalidRequest,
            errors.Unauthenticated,
            errors.Forbidden,
            errors.InputConflict,
            errors.BodyTooLarge,
            errors.UnsupportedMedia,
            errors.InvalidField,
            errors.Busy,
            errors.Unavailable,
            errors.NoAnswer,
        ),
    },
    openapi_extra={**body(StartRequest, START_EXAMPLE), "parameters": start_headers()},
)
async def start(request: Request) -> Response:
    principal = await principal_of(request)
    asked = await read(request, StartRequest)
    structlog.contextvars.bind_contextvars(trace_id=asked.trace_id or asked.argo.workflow)
    runs = context_of(request).runs
    created, view = await runs.start(
        principal,
        asked,
        traceparent=_traceparent(request),
        key=request.headers.get(IDEMPOTENCY_HEADER),
        repeated=request.headers.get(RETRY_HEADER) == "1",
    )
    response = answer(view, 201 if created else 200)
    response.headers["Location"] = view.data["links"]["self"]
    return response


def _traceparent(request: Request) -> str | None:
    """Our own span's when spans are made, else the caller's.

    None is made up: an unsampled root of ours would keep the application from exporting its own spans.
    """
    carrier: dict[str, str] = {}
    if trace.get_current_span().get_span_context().is_valid:
        _propagator.inject(carrier)
    given = carrier.get("traceparent") or request.headers.get("traceparent", "")
    return given if valid_traceparent(given) else None


@router.get(
    "",
    summary="List the tenant's runs, newest first",
    response_model=None,
    responses={200: {"model": RunList}, **ASKS_TEMPORAL, **problems(errors.InvalidField, errors.Forbidden)},
)
async def list_runs(
    request: Request,
    trace_id: Annotated[str | None, Query(max_length=253)] = None,
    phase: Annotated[list[Phase] | None, Query()] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    page_token: Annotated[str | None, Query(max_length=4096)] = None,
) -> Response:
    principal = await principal_of(request)
    authorise(principal, Action.READ, Resource(principal.tenant))
    if trace_id is not None and not valid_trace_id(trace_id):
        raise errors.InvalidField("trace_id has characters that no trace id has.", field="trace_id")
    runs = context_of(request).runs
    page = await runs.gateway.list_runs(
        runs.namespace_of(principal.tenant),
        principal.tenant,
        trace_id=trace_id,
        phases=[each.value for each in phase or ()],
        limit=limit,
        page_token=page_token,
    )
    views = [await runs.hub.row(snapshot) for snapshot in page.runs]
    shown = [view.data for view in views if not phase or _matches(view.data, phase)]
    return Response(
        dump_json({"runs": shown, "next_page_token": page.next_page_token}), media_type="application/json"
    )


def _matches(view: dict[str, Any], phases: list[Phase]) -> bool:
    """Visibility cannot tell Pending from Running, so an open run answers to both."""
    if view["temporal"]["status"] in (Status.RUNNING, Status.PAUSED):
        return bool({Phase.PENDING, Phase.RUNNING} & set(phases))
    return view["phase"] in phases


@router.get(
    "/{run:path}/history",
    summary="The events of the run's newest Temporal run",
    response_model=None,
    responses={
        200: {"model": HistoryView},
        **ASKS_TEMPORAL,
        **problems(errors.NotFound, errors.Forbidden, errors.InvalidField),
    },
)
async def history(
    request: Request,
    run: str,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    page_token: Annotated[str | None, Query(max_length=8192)] = None,
) -> Response:
    runs = context_of(request).runs
    ref = runs.ref(await principal_of(request), run, Action.READ)
    newest = await runs.newest(ref)
    events, token = await runs.gateway.history(ref, newest.run_id, limit=limit, page_token=page_token)
    return Response(dump_json({"events": events, "next_page_token": token}), media_type="application/json")


async def get(
    request: Request,
    run: str,
    wait: Annotated[str | None, Query(max_length=16, description="For example 30s; at most 60s.")] = None,
    revision: Annotated[str | None, Query(max_length=64, description="Answer as soon as it differs.")] = None,
) -> Response:
    """With `wait`, answers when the run is over, when it differs from `revision`, or when the time is up."""
    runs = context_of(request).runs
    ref = runs.ref(await principal_of(request), run, Action.READ)
    if wait is None:
        return answer(await runs.hub.view(ref))
    view = await runs.hub.wait(ref, timeout=_seconds(wait), revision=revision, gone=_gone(request))
    return answer(view)


def add_get(to: APIRouter) -> None:
    """Last of all routes: a run id has slashes, and would swallow the names behind it."""
    to.get(
        "/{run:path}",
        summary="A run; with `wait`, once it is over or has changed",
        response_model=None,
        responses={
            200: {"model": RunView},
            **ASKS_TEMPORAL,
            **problems(errors.NotFound, errors.Forbidden, errors.InvalidField),
        },
    )(get)


def _seconds(wait: str) -> float:
    try:
        return min(parse_duration(wait), LONGEST_WAIT)
    except ValueError as error:
        raise errors.InvalidField(f"wait {error}.", field="wait") from None


async def _gone(request: Request) -> None:
    """Returns when the client has hung up."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
