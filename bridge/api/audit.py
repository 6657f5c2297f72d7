"""The audit, read by tenant, or as a whole by the platform's people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from bridge.api.context import context_of, principal_of
from crossover import errors
from crossover.api.documented import problems
from crossover.identity import FLAGS, Action, Resource, authorise
from crossover.stores.leases import StoreAway
from crossover.strict_json import dump_json

router = APIRouter(prefix="/v1/audit", tags=["audit"])
_REFUSALS = problems(errors.Unauthenticated, errors.Forbidden, errors.InvalidField, errors.Unavailable)


class EntryView(BaseModel):
    """`writer`, `number`, `previous` and `hash` chain each writer's entries: a change to one shows."""

    id: str
    at: datetime
    who: str
    tenant: str
    action: str
    subject: str
    why: str
    before: Any
    after: Any
    request_id: str
    outcome: str
    writer: str
    number: int
    previous: str
    hash: str


class EntryList(BaseModel):
    entries: list[EntryView] = Field(description="Newest first; the last one's `id` is the next `after`.")


class VerdictView(BaseModel):
    intact: bool
    problems: list[str]


@router.get(
    "",
    summary="Who did what, when and why, newest first",
    response_model=None,
    responses={200: {"model": EntryList}, **_REFUSALS},
)
async def entries(
    request: Request,
    everything: Annotated[bool, Query(description="All tenants and the platform, not one tenant.")] = False,
    after: Annotated[str | None, Query(max_length=128)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> Response:
    principal = await principal_of(request)
    authorise(principal, Action.READ_AUDIT, FLAGS if everything else Resource(principal.tenant))
    tenant = None if everything else principal.tenant
    try:
        found = await context_of(request).audit.read(tenant=tenant, after=after, limit=limit)
    except StoreAway as error:
        raise errors.Unavailable(f"The audit cannot be read: {error.detail}", retry_after=2) from None
    except ValueError as error:
        raise errors.InvalidField(f"after: {error}.", field="after") from None
    content = {"entries": [entry.to_json() for entry in found]}
    return Response(dump_json(content), media_type="application/json")


@router.get(
    "/verify",
    summary="Whether the audit is as it was written",
    response_model=None,
    responses={200: {"model": VerdictView}, **_REFUSALS},
)
async def verify(request: Request) -> Response:
    authorise(await principal_of(request), Action.READ_AUDIT, FLAGS)
    try:
        wrong = await context_of(request).audit.verify()
    except StoreAway as error:
        raise errors.Unavailable(f"The audit cannot be read: {error.detail}", retry_after=2) from None
    content = {"intact": not wrong, "problems": list(wrong)}
    return Response(dump_json(content), media_type="application/json")
