"""Who calls: from the request's bearer token to a principal, acting in one of its tenants."""

from __future__ import annotations

from fastapi import Request

from crossover.errors import Unauthenticated
from crossover.identity import Authenticator, Principal

TENANT_HEADER = "Crossover-Tenant"
TENANT_PARAMETER = "tenant"
"""For callers with roles in several tenants: which one a request is about. A browser's EventSource cannot
set headers, so the query parameter says the same."""


async def authenticate(request: Request, authenticator: Authenticator) -> Principal:
    """Raises Unauthenticated, Unavailable, or NotFound for a tenant that is not the caller's."""
    principal = await authenticator.authenticate(token_of(request))
    tenant = request.headers.get(TENANT_HEADER) or request.query_params.get(TENANT_PARAMETER)
    return principal.within(tenant) if tenant else principal


def token_of(request: Request) -> str | None:
    """Raises Unauthenticated. Only the header counts: tokens in URLs end up in logs."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send `Authorization: Bearer <token>`.")
    return token.strip()
