"""`GET /v1/logs/{trace_id}`: one trace's lines, and what becomes of it."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import structlog
from fastapi import APIRouter, Request, Response

from crossover import errors
from crossover.api.caller import TENANT_PARAMETER, token_of
from crossover.api.documented import problems
from crossover.identity import Action, Principal, Resource, authorise
from crossover.stores.leases import RETRY_AFTER, Refused, Scope
from log_streamer.api.context import Context, context_of, principal_of
from log_streamer.api.documented import PARAMETERS, RESPONSES
from log_streamer.api.formats import accepted_compression
from log_streamer.api.parameters import Wanted, read_wanted
from log_streamer.api.stream import Stream
from log_streamer.settings import LIMIT_SETTINGS

router = APIRouter(prefix="/v1/logs", tags=["logs"])


@router.get(
    "/{trace_id}",
    summary="The lines of one trace, merged by time, as they are written",
    response_model=None,
    response_class=Response,
    openapi_extra={"parameters": PARAMETERS},
    responses={
        200: RESPONSES,
        **problems(
            errors.InvalidField,
            errors.Unauthenticated,
            errors.Forbidden,
            errors.NotFound,
            errors.Busy,
            errors.Unavailable,
        ),
    },
)
async def logs(request: Request, trace_id: str) -> Response:
    """Everything is checked before the first byte; after it, an `end` event says why a stream ended."""
    context, principal = context_of(request), await principal_of(request)
    wanted = _wanted(request, trace_id)
    structlog.contextvars.bind_contextvars(trace_id=trace_id)
    authorise(principal, Action.READ_LOGS, Resource(principal.tenant))
    tenant = context.tenants.tenant(principal.tenant)
    token = token_of(request)
    async with AsyncExitStack() as stack:
        if context.feeds.closing:
            raise errors.ShuttingDown("This replica shuts down: ask again.", retry_after=1)
        await _take_slots(context, principal, stack)
        feed = await stack.enter_async_context(
            context.feeds.open(tenant, trace_id, since=wanted.cursor.since, token=token, follow=wanted.follow)
        )
        held = stack.pop_all()
    compression = None if wanted.follow else accepted_compression(request.headers.get("accept-encoding", ""))
    return Stream(context, wanted, feed, held, principal, token).response(compression)


async def _take_slots(context: Context, principal: Principal, stack: AsyncExitStack) -> None:
    """Held until `stack` is closed. Raises Busy, which says whose limit was reached."""
    limits, own = context.settings.streams(), context.tenants.streams.get(principal.tenant)
    if own is not None:
        limits = replace(limits, tenant=own)
    try:
        lease = await context.leases.acquire(limits.claims(principal.tenant, principal.name))
    except Refused as refused:
        limit = f"CROSSOVER_LOG_STREAMER_{LIMIT_SETTINGS[refused.scope]}"
        if refused.scope is Scope.TENANT and own is not None:
            limit = "`streams` of the tenants file"
        raise errors.Busy(f"{refused.detail} The limit is {limit}.", retry_after=RETRY_AFTER) from None
    stack.callback(context.leases.release, lease)


def _wanted(request: Request, trace_id: str) -> Wanted:
    values: dict[str, list[Any]] = {}
    for name, value in request.query_params.multi_items():
        if name != TENANT_PARAMETER:  # `authenticate` has read it
            values.setdefault(name, []).append(value)
    return read_wanted(
        trace_id,
        values,
        accept=request.headers.get("accept", ""),
        last_event_id=request.headers.get("last-event-id"),
    )
