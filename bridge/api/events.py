"""A run's state changes as server-sent events, from now until it is over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from bridge.api.context import context_of, principal_of
from bridge.api.documented import ASKS_TEMPORAL
from bridge.api.watching import GONE, Watcher
from bridge.service import Runs
from bridge.steps.engine import RunRef
from bridge.waits.views import View
from crossover import errors
from crossover.api.documented import problems
from crossover.identity import Action
from crossover.strict_json import dump_json

HEARTBEAT = 15
"""Seconds between comments on a quiet stream: shorter than the idle limits of common proxies."""

SEND_TIMEOUT = 30
"""Seconds after which a client that does not read is dropped."""

FAREWELL = 3.0
"""Seconds for a stream to end whole at a shutdown; the hub lets go of it at once."""

router = APIRouter(prefix="/v1/runs", tags=["runs"])


@router.get(
    "/{run:path}/events",
    summary="The run's state changes as server-sent events: `state`, then `end`",
    response_model=None,
    response_class=Response,
    responses={
        200: {"content": {"text/event-stream": {}}, "description": "`data` is the run view."},
        **ASKS_TEMPORAL,
        **problems(errors.NotFound, errors.Forbidden, errors.InvalidField),
    },
)
async def events(request: Request, run: str) -> EventSourceResponse:
    runs = context_of(request).runs
    principal = await principal_of(request)
    ref = runs.ref(principal, run, Action.READ)
    first = await runs.hub.view(ref)
    return EventSourceResponse(
        _changes(runs, ref, first, Watcher(request, principal)),
        ping=HEARTBEAT,
        send_timeout=SEND_TIMEOUT,
        shutdown_grace_period=FAREWELL,
    )


async def _changes(
    runs: Runs, ref: RunRef, view: View, watcher: Watcher
) -> AsyncGenerator[ServerSentEvent, None]:
    """Level-triggered: every event is the whole view, so a client that reconnects has missed nothing."""
    yield _event("state", view)
    while not view.closed:
        seen = view.revision
        try:
            view = await runs.hub.wait(ref, timeout=min(HEARTBEAT, watcher.every), revision=seen)
        except errors.ShuttingDown:
            return  # the client reconnects to another replica
        except errors.NotFound as error:
            yield ServerSentEvent(ending("lost", error.detail), event="end")
            return
        except errors.CrossoverError:
            await asyncio.sleep(1)  # Temporal is away; the stream outlives that
            continue
        if not await watcher.may_watch():
            yield ServerSentEvent(ending("unauthorised", GONE), event="end")
            return
        if view.revision != seen:
            yield _event("state", view)
    yield ServerSentEvent(ending("closed", view.data["message"]), event="end")


def _event(name: str, view: View) -> ServerSentEvent:
    return ServerSentEvent(view.body.decode(), event=name, id=view.revision)


def ending(reason: str, message: str) -> str:
    return dump_json({"reason": reason, "message": message}).decode()
