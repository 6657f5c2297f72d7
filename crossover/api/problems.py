"""Every failure leaves as an RFC 9457 problem, and is counted by its kind."""

from __future__ import annotations

import math
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from crossover.errors import CrossoverError, InvalidField, NotFound, problem, row_of
from crossover.strict_json import dump_json

MEDIA_TYPE = "application/problem+json"


def problem_response(error: CrossoverError, instance: str | None = None) -> Response:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    row = row_of(error)
    if row.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if row.status == 413:
        headers["Connection"] = "close"  # else the server would go on reading what it has refused
    return Response(
        dump_json(problem(error, instance=instance)),
        status_code=row.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def add_problem_handlers(app: FastAPI, count: Callable[[str], None]) -> None:
    """Installs handlers for our errors and the framework's; `count` gets each one's kind."""

    def answer(request: Request, error: CrossoverError) -> Response:
        count(row_of(error).kind)
        return problem_response(error, request.url.path)

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, CrossoverError)
        return answer(request, error)

    async def parameters(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:]) or "(request)"
        return answer(request, InvalidField(f"{field}: {first['msg']}.", field=field))

    async def routing(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            response = answer(request, NotFound(f"{request.url.path} does not take {request.method}."))
            response.headers.update(error.headers or {})
            return response
        return answer(request, NotFound(f"There is nothing at {request.url.path}."))

    app.add_exception_handler(CrossoverError, ours)
    app.add_exception_handler(RequestValidationError, parameters)
    app.add_exception_handler(HTTPException, routing)
