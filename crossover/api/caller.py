"""Who calls: from the request's token to a principal, acting in one of its tenants."""

from __future__ import annotations

from urllib.parse import urlsplit

from fastapi import Request

from crossover.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from crossover.identity import Authenticator, Principal
from crossover.identity.sessions import SESSION_COOKIE, Sessions

TENANT_HEADER = "Crossover-Tenant"
TENANT_PARAMETER = "tenant"
"""For callers with roles in several tenants: which one a request is about. A browser's EventSource cannot
set headers, so the query parameter says the same."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


async def authenticate(request: Request, authenticator: Authenticator) -> Principal:
    """Raises Unauthenticated, Forbidden, Unavailable, or NotFound for a tenant that is not the caller's."""
    principal = await authenticator.authenticate(token_of(request))
    tenant = request.headers.get(TENANT_HEADER) or request.query_params.get(TENANT_PARAMETER)
    return principal.within(tenant) if tenant else principal


async def still_valid(authenticator: Authenticator, token: str | None, principal: Principal) -> bool:
    """Whether the token still stands for the same caller: a removed or demoted one stops watching.

    While nobody can tell, a stream that was allowed goes on; the next look decides.
    """
    try:
        return (await authenticator.authenticate(token)).within(principal.tenant) == principal
    except Unavailable:
        return True
    except (Unauthenticated, NotFound):
        return False


def token_of(request: Request) -> str | None:
    """The header's, else the session cookie's. Never the URL's: those end up in logs.

    Raises:
        Unauthenticated: the header is none we know, or the session is over.
        Forbidden: see `check_origin`.
    """
    return bearer_of(request) or _session_token(request)


def bearer_of(request: Request) -> str | None:
    """Raises Unauthenticated."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send `Authorization: Bearer <token>`.")
    return token.strip()


def check_origin(request: Request, sessions: Sessions) -> None:
    """A cookie comes by itself, whichever page makes the browser send a request: what changes something is
    taken from our own pages only. Raises Forbidden."""
    if request.method in SAFE_METHODS:
        return
    site = request.headers.get("sec-fetch-site")
    if site in ("same-origin", "none") or (site is None and _is_ours(request, sessions)):
        return
    raise Forbidden("With a session cookie, changes are taken from this site's own pages only.")


def sessions_of(request: Request) -> Sessions | None:
    sessions: Sessions | None = getattr(request.app.state, "sessions", None)
    return sessions


def _is_ours(request: Request, sessions: Sessions) -> bool:
    origin = urlsplit(request.headers.get("origin", "")).netloc
    ours = {request.headers.get("host", ""), urlsplit(sessions.url or "").netloc}
    return origin != "" and origin in ours


def _session_token(request: Request) -> str | None:
    sessions, cookie = sessions_of(request), request.cookies.get(SESSION_COOKIE)
    if sessions is None or sessions.sealer is None or cookie is None:
        return None
    check_origin(request, sessions)
    token = sessions.token_in(cookie)
    if token is None:
        raise Unauthenticated("The session is over: log in again.")
    return token
