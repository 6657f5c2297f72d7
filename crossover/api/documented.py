"""What OpenAPI documents say of every route: its problems, and how callers are known."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from crossover import errors
from crossover.errors import TABLE, CrossoverError

UNGUARDED = frozenset({"/healthz", "/readyz", "/metrics"})
"""These ask for no token."""


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


def problems(*kinds: type[CrossoverError]) -> dict[int | str, dict[str, Any]]:
    """The responses that errors of these kinds make."""
    responses: dict[int | str, dict[str, Any]] = {}
    for error in kinds:
        row = TABLE[error]
        schema = ProblemBody.model_json_schema()
        content = {"application/problem+json": {"schema": schema}}
        responses[row.status] = {"description": row.title, "content": content}
    return responses


def with_callers(document: dict[str, Any]) -> dict[str, Any]:
    """Tokens are checked and bodies are read in the routes, not by the framework: here it is told of that."""
    components = document.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "Who has roles in several tenants names one by the header `Crossover-Tenant`, or "
            "by `?tenant=` where headers cannot be set.",
        }
    }
    document["security"] = [{"token": []}, {}]
    for path, operations in document["paths"].items():
        if path not in UNGUARDED:
            for method, operation in operations.items():
                _add_refusals(operation, changes=method != "get")
    for unused in ("HTTPValidationError", "ValidationError"):
        components.get("schemas", {}).pop(unused, None)
    return document


def _add_refusals(operation: dict[str, Any], *, changes: bool) -> None:
    """What any request can be answered with, whichever its route."""
    kinds = [errors.Unauthenticated, errors.NotFound, errors.Unavailable]
    if changes:
        kinds.append(errors.Forbidden)
    if "requestBody" in operation:
        kinds += [errors.InvalidRequest, errors.BodyTooLarge, errors.UnsupportedMedia, errors.InvalidField]
    responses = operation["responses"]
    if "application/json" in responses.get("422", {}).get("content", {}):  # the framework's own guess
        del responses["422"]
        kinds.append(errors.InvalidField)
    for status, response in problems(*kinds).items():
        responses.setdefault(str(status), response)
