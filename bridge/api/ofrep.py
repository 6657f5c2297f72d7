"""OFREP: flags for OpenFeature clients (https://github.com/open-feature/protocol, version 0.3).

The tenant is the caller's; a targeting key, where one is sent, must be that tenant, unless the caller has a
platform role and may ask for any.
"""

from __future__ import annotations

import hashlib
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from bridge.api.context import context_of, principal_of
from bridge.flags.request import EvaluationContext
from crossover import errors
from crossover.api.documented import problems
from crossover.errors import CrossoverError
from crossover.flags.evaluation import Evaluation
from crossover.flags.model import Context, Reason
from crossover.identity import FLAGS, Action, Principal, Resource, authorise
from crossover.stores.flag_keeper import FlagKeeper
from crossover.strict_json import dump_json

router = APIRouter(prefix="/ofrep/v1/evaluate/flags", tags=["OFREP"])
_BODY = {
    "requestBody": {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {"context": {"type": "object", "additionalProperties": True}},
                },
                "example": {"context": {"targetingKey": "acme", "app": "metadata-extractor"}},
            }
        }
    }
}
_REFUSALS = problems(errors.Unauthenticated, errors.Forbidden, errors.Busy)


@router.post(
    "/{key}",
    summary="Evaluate one flag",
    response_model=None,
    responses={
        200: {"description": "value, variant, reason and metadata"},
        400: {"description": "errorCode and errorDetails"},
        404: {"description": "FLAG_NOT_FOUND"},
        **_REFUSALS,
    },
    openapi_extra=_BODY,
)
async def evaluate(request: Request, key: str) -> Response:
    principal = await principal_of(request)
    try:
        context = await _context(request, principal)
        keeper = context_of(request).flags.keeper
        return _json(_success(keeper, keeper.evaluator.evaluate(key, context)))
    except KeyError:
        return _failure(404, key, "FLAG_NOT_FOUND", f"There is no flag {key!r}.")
    except _BadContext as error:
        return _failure(400, key, error.code, str(error))


@router.post(
    "",
    summary="Evaluate all flags",
    response_model=None,
    responses={
        200: {"description": "`flags`, one evaluation each"},
        304: {"description": "If-None-Match still holds."},
        400: {"description": "errorCode and errorDetails"},
        **_REFUSALS,
    },
    openapi_extra=_BODY,
)
async def evaluate_all(request: Request) -> Response:
    principal = await principal_of(request)
    try:
        context = await _context(request, principal)
    except _BadContext as error:
        return _failure(400, None, error.code, str(error))
    keeper = context_of(request).flags.keeper
    current = keeper.current
    flags = current.document.flags if current else ()
    found = [_success(keeper, keeper.evaluator.evaluate(flag, context)) for flag in flags]
    content = {"flags": found, "metadata": {"config_version": current.number if current else 0}}
    etag = f'"{hashlib.sha256(dump_json(content)).hexdigest()[:32]}"'
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers={"ETag": etag})
    response = _json(content)
    response.headers["ETag"] = etag
    return response


class _BadContext(Exception):
    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


async def _context(request: Request, principal: Principal) -> Context:
    """Raises _BadContext, Forbidden."""
    try:
        body = await context_of(request).object_of(request, optional=True)
        given = EvaluationContext.model_validate(body.get("context") or {})
    except (ValidationError, errors.InvalidRequest) as error:
        detail = error.detail if isinstance(error, CrossoverError) else "context must hold texts"
        raise _BadContext("INVALID_CONTEXT", detail) from None
    tenant = given.targetingKey or principal.tenant
    own = tenant == principal.tenant
    authorise(principal, Action.EVALUATE if own else Action.READ_FLAGS, Resource(tenant) if own else FLAGS)
    try:
        return Context(tenant=tenant, app=given.app, connector=given.connector, environment=given.environment)
    except ValidationError as error:
        field = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise _BadContext("INVALID_CONTEXT", f"{field}: {error.errors()[0]['msg']}") from None


def _success(keeper: FlagKeeper, evaluation: Evaluation) -> dict[str, Any]:
    stale = keeper.status.state != "fresh"
    return {
        "key": evaluation.flag,
        "value": evaluation.value,
        "variant": evaluation.variant.value,
        "reason": Reason.STALE.value if stale else evaluation.reason.value,
        "metadata": {
            "rule": evaluation.rule,
            "decided_by": evaluation.reason.value,
            "config_version": evaluation.config_version,
            "stale": stale,
        },
    }


def _failure(status: int, key: str | None, code: str, detail: str) -> Response:
    content = {"errorCode": code, "errorDetails": detail}
    return _json(content if key is None else {"key": key, **content}, status)


def _json(value: object, status: int = 200) -> Response:
    return Response(dump_json(value), status_code=status, media_type="application/json")
