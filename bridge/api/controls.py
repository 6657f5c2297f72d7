"""Acting on a run: cancel, terminate, release, signal, query, update, reset."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request, Response

from bridge.api.context import answer, context_of, principal_of, read
from bridge.api.documented import body
from bridge.api.models import (
    CancelBody,
    QueryBody,
    ReleaseBody,
    ReleaseView,
    ResetBody,
    ResetView,
    ResultView,
    RunView,
    SignalBody,
    TerminateBody,
    UpdateBody,
)
from bridge.service import Runs
from bridge.steps.engine import RunRef
from bridge.steps.phases import ASKED
from crossover import errors
from crossover.api.documented import problems
from crossover.api.requests import request_id_of
from crossover.audit import Event
from crossover.contract.run import tenant_of
from crossover.identity import Action, Principal
from crossover.strict_json import dump_json

router = APIRouter(prefix="/v1/runs", tags=["control"])
_REFUSALS = problems(
    errors.InvalidField,
    errors.Unauthenticated,
    errors.Forbidden,
    errors.NotFound,
    errors.Conflict,
    errors.Busy,
    errors.Unavailable,
    errors.NoAnswer,
)


async def _controlled(request: Request, run: str) -> tuple[Runs, RunRef, Principal]:
    """The service, the run, and who acts on it. Raises NotFound or Forbidden."""
    principal = await principal_of(request)
    runs = context_of(request).runs
    return runs, runs.ref(principal, run, Action.CONTROL), principal


def _record(request: Request, who: Principal, ref: RunRef, verb: str, why: str, after: object = None) -> None:
    """What was done to a run, for its tenant's audit; never what was sent to it."""
    context_of(request).audit.record(
        Event(
            who=who.name,
            tenant=tenant_of(ref.id) or who.tenant,
            action=f"run.{verb}",
            subject=ref.id,
            why=why,
            after=after,
            request_id=request_id_of(),
        )
    )


def _json(value: object) -> Response:
    return Response(dump_json(value), media_type="application/json")


@router.post(
    "/{run:path}/cancel",
    status_code=202,
    summary="Cancel the run: cancel, then grace, then terminate",
    response_model=None,
    responses={202: {"model": RunView}, **_REFUSALS},
    openapi_extra=body(CancelBody, {"reason": "superseded by a newer run"}, required=False),
)
async def cancel(request: Request, run: str) -> Response:
    runs, ref, who = await _controlled(request, run)
    asked = await read(request, CancelBody, optional=True)
    view = await runs.cancel(ref, mode=asked.mode, grace=asked.grace, reason=f"by {who.name}: {asked.reason}")
    _record(request, who, ref, "cancel", asked.reason, {"mode": asked.mode})
    return answer(view, 202)


@router.post(
    "/{run:path}/terminate",
    status_code=202,
    summary="End the run at once, without cleaning up",
    response_model=None,
    responses={202: {"model": RunView}, **_REFUSALS},
    openapi_extra=body(TerminateBody, {"reason": "does not react to cancel"}, required=False),
)
async def terminate(request: Request, run: str) -> Response:
    runs, ref, who = await _controlled(request, run)
    asked = await read(request, TerminateBody, optional=True)
    view = await runs.terminate(ref, reason=f"{ASKED} by {who.name}: {asked.reason}")
    _record(request, who, ref, "terminate", asked.reason)
    return answer(view, 202)


@router.post(
    "/{run:path}/release",
    summary="A step's pod is going away: cancel the run if its workflow was stopped, else let it be",
    response_model=None,
    responses={200: {"model": ReleaseView}, **_REFUSALS},
    openapi_extra=body(ReleaseBody, {"signal": "SIGTERM"}, required=False),
)
async def release(request: Request, run: str) -> Response:
    runs, ref, who = await _controlled(request, run)
    asked = await read(request, ReleaseBody, optional=True)
    decided = await runs.release(ref, signal=asked.signal, deadline=asked.deadline)
    if decided.action == "cancel":
        _record(request, who, ref, "cancel", f"{decided.reason} ({asked.signal})")
    return _json({"action": decided.action, "reason": decided.reason})


@router.post(
    "/{run:path}/signal",
    status_code=202,
    summary="Send the workflow a signal",
    response_model=None,
    response_class=Response,
    responses={
        202: {"description": "Delivered to the run's history."},
        **_REFUSALS,
    },
    openapi_extra=body(SignalBody, {"name": "approve", "args": [True]}),
)
async def signal(request: Request, run: str) -> Response:
    runs, ref, who = await _controlled(request, run)
    asked = await read(request, SignalBody)
    request_id = asked.request_id or str(uuid.uuid4())
    await runs.gateway.signal(ref, name=asked.name, args=asked.args, request_id=request_id)
    _record(request, who, ref, "signal", "", {"name": asked.name})
    return Response(status_code=202)


@router.post(
    "/{run:path}/query",
    summary="Ask the workflow",
    response_model=None,
    responses={200: {"model": ResultView}, **_REFUSALS},
    openapi_extra=body(QueryBody, {"name": "progress"}),
)
async def query(request: Request, run: str) -> Response:
    runs, ref, _ = await _controlled(request, run)
    asked = await read(request, QueryBody)
    result = await runs.gateway.query(ref, name=asked.name, args=asked.args)
    return _json({"result": result})


@router.post(
    "/{run:path}/update",
    summary="Send the workflow an update and wait for its result",
    response_model=None,
    responses={200: {"model": ResultView}, **_REFUSALS},
    openapi_extra=body(UpdateBody, {"name": "set_batch", "args": [500], "update_id": "batch-500"}),
)
async def update(request: Request, run: str) -> Response:
    runs, ref, who = await _controlled(request, run)
    asked = await read(request, UpdateBody)
    update_id = asked.update_id or str(uuid.uuid4())
    result = await runs.gateway.update(ref, name=asked.name, args=asked.args, update_id=update_id)
    _record(request, who, ref, "update", "", {"name": asked.name})
    return _json({"result": result})


@router.post(
    "/{run:path}/reset",
    summary="Run the workflow anew from an event of its history",
    response_model=None,
    responses={200: {"model": ResetView}, **_REFUSALS},
    openapi_extra=body(ResetBody, {"reason": "fixed worker deployed"}, required=False),
)
async def reset(request: Request, run: str) -> Response:
    runs, ref, who = await _controlled(request, run)
    asked = await read(request, ResetBody, optional=True)
    newest = await runs.newest(ref)
    run_id = await runs.gateway.reset(
        ref,
        newest.run_id,
        event_id=asked.event_id,
        reason=f"by {who.name}: {asked.reason}",
        request_id=asked.request_id or str(uuid.uuid4()),
    )
    _record(request, who, ref, "reset", asked.reason, {"run_id": run_id})
    return _json({"run_id": run_id})
