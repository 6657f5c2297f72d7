"""Who calls: from the request's bearer token to a principal."""

from __future__ import annotations

from fastapi import Request

from crossover.errors import Unauthenticated
from crossover.identity import Authenticator, Principal


def authenticate(request: Request, authenticator: Authenticator) -> Principal:
    """Raises Unauthenticated. Only the header counts: tokens in URLs end up in logs."""
    header = request.headers.get("authorization")
    if header is None:
        return authenticator.authenticate(None)
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send `Authorization: Bearer <token>`.")
    return authenticator.authenticate(token.strip())
