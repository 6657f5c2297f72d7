"""The flag document: read, replaced as a whole or by the flag, and what changes of it would do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import ValidationError

from bridge.api.context import context_of, principal_of, read
from bridge.api.documented import body
from bridge.api.flag_models import (
    ChangedView,
    DocumentBody,
    ExplainView,
    FlagBody,
    FlagView,
    ReasonBody,
    VersionView,
    changed_view,
)
from bridge.flags.changes import NO_VERSION, Author, Changed, Edit
from bridge.steps.request import invalid_field
from crossover import errors
from crossover.api.documented import problems
from crossover.api.requests import request_id_of
from crossover.flags import edits
from crossover.flags.flagd import from_flagd, to_flagd
from crossover.flags.model import Context, Document
from crossover.flags.version import Version
from crossover.identity import FLAGS, Action, Principal, Resource, authorise
from crossover.strict_json import dump_json

router = APIRouter(prefix="/v1", tags=["flags"])

Flag = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_]{0,62}$", description="The flag's name.")]
DryRun = Annotated[bool, Query(description="Change nothing; say what would change.")]
WRITES = problems(
    errors.InvalidField,
    errors.Unauthenticated,
    errors.Forbidden,
    errors.StoreConflict,
    errors.PreconditionFailed,
    errors.PreconditionRequired,
    errors.Unavailable,
)
READS = problems(errors.Unauthenticated, errors.Forbidden, errors.NotFound)
CHANGED: dict[int | str, dict[str, Any]] = {
    200: {"model": ChangedView, "description": "What the change did, or would do."}
}


async def reader(request: Request) -> Principal:
    """Raises Unauthenticated, Forbidden."""
    principal = await principal_of(request)
    authorise(principal, Action.READ_FLAGS, FLAGS)
    return principal


async def author(request: Request, reason: str) -> Author:
    """Raises Unauthenticated, Forbidden."""
    principal = await principal_of(request)
    authorise(principal, Action.CHANGE_FLAGS, FLAGS)
    return Author(principal, reason, request_id_of())


async def may_change(request: Request) -> None:
    """Before the body is looked at: whoever may not write learns nothing of what would be right."""
    authorise(await principal_of(request), Action.CHANGE_FLAGS, FLAGS)


@router.get(
    "/flags",
    summary="The flag document in force",
    response_model=None,
    responses={200: {"model": VersionView}, 304: {"description": "If-None-Match still holds."}, **READS},
)
async def get_flags(request: Request) -> Response:
    await reader(request)
    version = context_of(request).flags.keeper.current
    return versioned(request, version, version_json(version))


@router.put(
    "/flags",
    summary="Replace the flag document",
    response_model=None,
    responses={**CHANGED, **WRITES},
    openapi_extra=body(DocumentBody, {"document": {"flags": {}}, "reason": "first flags"}),
)
async def put_flags(request: Request, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, DocumentBody)
    return await apply(request, lambda _: asked.document, "put", asked.reason, dry_run, needs_match=True)


@router.get(
    "/flags/{flag}",
    summary="One flag",
    response_model=None,
    responses={200: {"model": FlagView}, 304: {"description": "If-None-Match still holds."}, **READS},
)
async def get_flag(request: Request, flag: Flag) -> Response:
    await reader(request)
    version = context_of(request).flags.keeper.current
    found = version.document.flags.get(flag) if version else None
    if found is None:
        raise errors.NotFound(f"There is no flag {flag!r}.")
    content = {"flag": found.model_dump(mode="json", exclude_defaults=True)}
    return versioned(request, version, content)


@router.put(
    "/flags/{flag}",
    summary="Create or replace one flag",
    response_model=None,
    responses={**CHANGED, **WRITES},
    openapi_extra=body(FlagBody, {"flag": {"rollout": [{"crossover": 5}]}, "reason": "five percent"}),
)
async def put_flag(request: Request, flag: Flag, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, FlagBody)

    def edit(document: Document) -> Document:
        return edits.set_flag(document, flag, asked.flag)

    return await apply(request, edit, "set", asked.reason, dry_run, needs_match=True)


@router.delete(
    "/flags/{flag}",
    summary="Remove a flag: whoever asks for it gets legacy",
    response_model=None,
    responses={**CHANGED, **WRITES},
    openapi_extra=body(ReasonBody, {"reason": "every tenant is on crossover"}),
)
async def delete_flag(request: Request, flag: Flag, dry_run: DryRun = False) -> Response:
    await may_change(request)
    asked = await read(request, ReasonBody)

    def edit(document: Document) -> Document:
        return edits.remove_flag(document, flag)

    return await apply(request, edit, "remove", asked.reason, dry_run, needs_match=True)


@router.get(
    "/flags/{flag}/explain",
    summary="Why a tenant gets what it gets: every rule in order",
    response_model=None,
    responses={200: {"model": ExplainView}, **READS, **problems(errors.InvalidField)},
)
async def explain(
    request: Request,
    flag: Flag,
    targeting_key: Annotated[str | None, Query(description="The tenant; default: the caller's.")] = None,
    app: Annotated[str | None, Query()] = None,
    connector: Annotated[str | None, Query()] = None,
    environment: Annotated[str | None, Query()] = None,
) -> Response:
    principal = await principal_of(request)
    tenant = targeting_key or principal.tenant
    own = tenant == principal.tenant
    authorise(principal, Action.EVALUATE if own else Action.READ_FLAGS, Resource(tenant) if own else FLAGS)
    context = _context(tenant, app, connector, environment)
    keeper = context_of(request).flags.keeper
    try:
        evaluation = keeper.evaluator.evaluate(flag, context)
        steps = keeper.evaluator.explain(flag, context)
    except KeyError:
        raise errors.NotFound(f"There is no flag {flag!r}.") from None
    status = keeper.status
    content = {
        "evaluation": evaluation.to_json(),
        "bucket": evaluation.bucket,
        "stale": status.state != "fresh",
        "steps": [step.to_json() for step in steps],
    }
    return Response(dump_json(content), media_type="application/json")


def _context(tenant: str, app: str | None, connector: str | None, environment: str | None) -> Context:
    try:
        return Context(tenant=tenant, app=app, connector=connector, environment=environment)
    except ValidationError as error:
        raise invalid_field(error) from None


@router.get(
    "/flagd",
    summary="The flags as a flagd definition",
    response_model=None,
    responses={
        200: {"description": "https://flagd.dev/reference/flag-definitions/"},
        304: {"description": "If-None-Match still holds."},
        **READS,
    },
)
async def get_flagd(request: Request) -> Response:
    await reader(request)
    version = context_of(request).flags.keeper.current
    content = to_flagd(version.document if version else Document())
    return versioned(request, version, content)


@router.put(
    "/flagd",
    summary="Replace the flag document by a flagd definition",
    response_model=None,
    responses={**CHANGED, **WRITES},
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    },
)
async def put_flagd(
    request: Request, reason: Annotated[str, Query(min_length=1, max_length=500)], dry_run: DryRun = False
) -> Response:
    await may_change(request)
    definition = await context_of(request).object_of(request)

    def edit(_: Document) -> Document:
        return from_flagd(definition)

    return await apply(request, edit, "import", reason, dry_run, needs_match=True)


async def apply(
    request: Request, edit: Edit, action: str, reason: str, dry_run: bool, *, needs_match: bool
) -> Response:
    """Raises what `Changes.apply` raises, and PreconditionRequired for a blind replacement."""
    if_match = request.headers.get("if-match")
    if needs_match and if_match is None and not dry_run:
        raise errors.PreconditionRequired(
            "Send the ETag of what you read as `If-Match`, or `If-Match: *` to replace whatever is there."
        )
    who = await author(request, reason)
    changed = await context_of(request).flags.apply(edit, action, who, if_match=if_match, dry_run=dry_run)
    return changed_response(changed)


def changed_response(changed: Changed) -> Response:
    headers = {"ETag": changed.version.etag} if changed.version else {}
    return Response(dump_json(changed_view(changed)), media_type="application/json", headers=headers)


def versioned(request: Request, version: Version | None, content: Mapping[str, Any]) -> Response:
    etag = version.etag if version else NO_VERSION
    given = request.headers.get("if-none-match", "")
    if etag in [tag.strip() for tag in given.split(",")]:
        return Response(status_code=304, headers={"ETag": etag})
    return Response(dump_json(content), media_type="application/json", headers={"ETag": etag})


def version_json(version: Version | None) -> dict[str, Any]:
    if version is not None:
        return version.to_json()
    empty = Document().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {"number": 0, "previous": "", "document": empty, "change": None, "digest": ""}
