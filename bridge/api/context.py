"""What routes need of their app: kept in one object on `app.state`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from fastapi import Request, Response
from pydantic import BaseModel, ValidationError

from bridge.approvals.service import Approvals
from bridge.argo.callbacks.service import Callbacks
from bridge.argo.plugin.plugin import Plugin
from bridge.flags.changes import Changes
from bridge.flags.decisions import Decisions
from bridge.flags.outcomes import OutcomeBook
from bridge.flags.rollouts import Rollouts
from bridge.service import Runs
from bridge.settings import BridgeSettings
from bridge.steps.request import invalid_field
from bridge.stores import Stores
from bridge.waits.views import View
from crossover.api.body import read_object
from crossover.api.caller import authenticate
from crossover.audit import Audit
from crossover.identity import Authenticator, Principal
from crossover.telemetry import Telemetry

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Context:
    """Built by `create_app`. `closing` is set when the shutdown begins."""

    settings: BridgeSettings
    runs: Runs
    authenticator: Authenticator
    telemetry: Telemetry
    flags: Changes
    decisions: Decisions
    outcomes: OutcomeBook
    stores: Stores
    rollouts: Rollouts
    approvals: Approvals
    plugin: Plugin
    callbacks: Callbacks | None
    closing: asyncio.Event

    @property
    def audit(self) -> Audit:
        return self.stores.audit

    async def object_of(self, request: Request, *, optional: bool = False) -> dict[str, Any]:
        """The body as a JSON object. Raises the errors of `read_object`."""
        return await read_object(request, limit=self.settings.body_limit, optional=optional)


def context_of(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


async def principal_of(request: Request) -> Principal:
    """Raises Unauthenticated."""
    return await authenticate(request, context_of(request).authenticator)


async def read(request: Request, model: type[Model], *, optional: bool = False) -> Model:
    """The body as a `model`. Raises the errors of `read_object`, and InvalidField."""
    value = await context_of(request).object_of(request, optional=optional)
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise invalid_field(error) from None


def answer(view: View, status: int = 200) -> Response:
    """The view as it is; the request's log line says which trace it was about."""
    structlog.contextvars.bind_contextvars(trace_id=view.data["trace_id"], run=view.data["id"])
    return Response(view.body, status_code=status, media_type="application/json")
