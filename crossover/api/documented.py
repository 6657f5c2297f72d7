"""Problems in OpenAPI documents."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from crossover.errors import TABLE, CrossoverError


class ProblemBody(BaseModel):
    """RFC 9457, with the step's exit code and whether trying again makes sense."""

    type: str
    title: str
    status: int
    detail: str
    retryable: bool
    exit_code: int
    field: str | None = None
    instance: str | None = None


def problems(*errors: type[CrossoverError]) -> dict[int | str, dict[str, Any]]:
    """The responses that `errors` make."""
    responses: dict[int | str, dict[str, Any]] = {}
    for error in errors:
        row = TABLE[error]
        schema = ProblemBody.model_json_schema()
        content = {"application/problem+json": {"schema": schema}}
        responses[row.status] = {"description": row.title, "content": content}
    return responses


def with_token_scheme(document: dict[str, Any]) -> dict[str, Any]:
    """Says how callers are known: tokens are checked in the routes, not by a dependency."""
    scheme = {"type": "http", "scheme": "bearer"}
    document.setdefault("components", {})["securitySchemes"] = {"token": scheme}
    document["security"] = [{"token": []}, {}]
    return document
