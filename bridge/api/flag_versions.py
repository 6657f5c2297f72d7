"""Versions of the flag document: history, revert, the stream of changes, and the store they live in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from bridge.api.context import context_of, read
from bridge.api.documented import body
from bridge.api.events import FAREWELL, HEARTBEAT, SEND_TIMEOUT, ending
from bridge.api.flag_models import ReasonBody, RestoreBody, StoreView, VersionsView, VersionView
from bridge.api.flags import (
    CHANGED,
    READS,
    WRITES,
    DryRun,
    author,
    changed_response,
    may_change,
    reader,
    version_json,
)
from bridge.api.flags import versioned as with_etag
from bridge.api.watching import GONE, Watcher
from bridge.flags.changes import Changes
from crossover import errors
from crossover.api.documented import problems
from crossover.flags.version import Version
from crossover.stores.flag_keeper import FlagKeeper
from crossover.strict_json import dump_json

router = APIRouter(prefix="/v1", tags=["flags"])
Number = Annotated[int, Path(ge=1, lt=2**53)]


@router.get(
    "/flag-versions",
    summary="Versions of the flag document, newest first: who, when, why",
    response_model=None,
    responses={200: {"model": VersionsView}, **READS, **problems(errors.Unavailable)},
)
async def versions(
    request: Request,
    before: Annotated[int | None, Query(ge=1, lt=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Response:
    await reader(request)
    found = await context_of(request).flags.history(before=before, limit=limit)
    content = {"versions": [version.to_json() for version in found]}
    return Response(dump_json(content), media_type="application/json")


@router.get(
    "/flag-versions/{number}",
    summary="One version of the flag document",
    response_model=None,
    responses={200: {"model": VersionView}, **READS, **problems(errors.Unavailable)},
)
async def version(request: Request, number: Number) -> Response:
    await reader(request)
    found = await context_of(request).flags.version(number)
    return with_etag(request, found, found.to_json())


@router.post(
    "/flag-versions/{number}/revert",
    summary="Make an earlier version's document the newest",
    response_model=None,
    responses={**CHANGED, **WRITES, **problems(errors.NotFound)},
    openapi_extra=body(ReasonBody, {"reason": "version 12 broke the snowflake tenants"}),
)
async def revert(request: Request, number: Number, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, ReasonBody)
    who = await author(request, asked.reason)
    return changed_response(await context_of(request).flags.revert(number, who, dry_run=dry_run))


@router.get(
    "/flag-store",
    summary="Whether the flags in force here are those of the store",
    response_model=None,
    responses={200: {"model": StoreView}, **READS},
)
async def store(request: Request) -> Response:
    await reader(request)
    return _store(context_of(request).flags)


@router.post(
    "/flag-store/restore",
    summary="Say which is right when the store came back with something else",
    response_model=None,
    responses={200: {"model": StoreView}, **WRITES},
    openapi_extra=body(RestoreBody, {"side": "replica", "reason": "Redis came back from an old snapshot"}),
)
async def restore(request: Request) -> Response:
    await may_change(request)
    asked = await read(request, RestoreBody)
    context = context_of(request)
    await context.flags.restore(asked.side, await author(request, asked.reason))
    return _store(context.flags)


@router.get(
    "/flag-events",
    summary="Each new version of the flag document as a server-sent event",
    response_model=None,
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "`data` is the version."},
        **READS,
    },
)
async def events(request: Request) -> EventSourceResponse:
    principal = await reader(request)
    context = context_of(request)
    return EventSourceResponse(
        _changes(context.flags.keeper, context.closing, Watcher(request, principal)),
        ping=HEARTBEAT,
        send_timeout=SEND_TIMEOUT,
        shutdown_grace_period=FAREWELL,
    )


async def _changes(
    keeper: FlagKeeper, closing: asyncio.Event, watcher: Watcher
) -> AsyncGenerator[ServerSentEvent, None]:
    """Begins with the version in force, so that a client which reconnects has missed nothing."""
    current = keeper.current
    yield ServerSentEvent(dump_json(version_json(current)).decode(), event="version")
    end, change = asyncio.ensure_future(closing.wait()), _after(keeper, current)
    try:
        while await watcher.may_watch():
            await asyncio.wait((change, end), timeout=watcher.every, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                return  # the client reconnects to another replica
            if change.done():
                current = change.result()
                yield ServerSentEvent(dump_json(current.to_json()).decode(), event="version")
                change = _after(keeper, current)
        yield ServerSentEvent(ending("unauthorised", GONE), event="end")
    finally:
        end.cancel()
        change.cancel()


def _after(keeper: FlagKeeper, current: Version | None) -> asyncio.Future[Version]:
    return asyncio.ensure_future(keeper.wait_for_change(current.number if current else 0))


def _store(flags: Changes) -> Response:
    status, current = flags.keeper.status, flags.keeper.current
    content = {
        "state": status.state,
        "since": status.since.isoformat(),
        "detail": status.detail,
        "version": current.number if current else 0,
        "digest": current.digest if current else "",
        "writable": flags.store.writable,
    }
    return Response(dump_json(content), media_type="application/json")
