"""Sessions of browsers, and who a caller is: `/v1/session`."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response
from pydantic import BaseModel

from crossover import errors
from crossover.api.caller import authenticate, bearer_of, check_origin, sessions_of
from crossover.api.documented import problems
from crossover.identity import Principal
from crossover.identity.identity_file import LOOPBACK
from crossover.identity.login import LASTS
from crossover.identity.refusals import no_token, not_accepted
from crossover.identity.sessions import LOGIN_COOKIE, SESSION_COOKIE, Sessions
from crossover.strict_json import dump_json

PATH = "/v1/session"
router = APIRouter(prefix=PATH, tags=["session"])


class Caller(BaseModel):
    """Who calls.

    Args:
        tenant, role: the tenant that the request acts in, and the role there.
        tenants: the roles in all tenants of the caller.
        platform: the role over flags, rollouts and the audit as a whole.
    """

    name: str
    tenant: str
    role: str
    tenants: dict[str, str]
    platform: str | None


def add_sessions(app: FastAPI, sessions: Sessions) -> None:
    """Adds the routes; from then on session cookies count in all others."""
    app.state.sessions = sessions
    app.include_router(router)


@router.get(
    "",
    summary="Who the caller is",
    response_model=None,
    responses={200: {"model": Caller}, **problems(errors.Unauthenticated, errors.NotFound)},
)
async def whoami(request: Request) -> Response:
    return _told(await authenticate(request, _sessions(request).authenticator))


@router.post(
    "",
    summary="Begin a browser session with a token",
    response_model=None,
    responses={
        200: {"model": Caller, "description": "The session is in the cookie."},
        **problems(errors.InvalidRequest, errors.Unauthenticated, errors.NotFound),
    },
)
async def begin(request: Request) -> Response:
    """The token comes in the header, which no other site's page can set."""
    sessions, token = _sessions(request), bearer_of(request)
    if token is None:
        raise no_token()
    response = _told(await sessions.authenticator.authenticate(token))
    _set(request, response, SESSION_COOKIE, sessions.seal(token), sessions.seconds)
    return response


@router.delete(
    "",
    status_code=204,
    summary="End the browser session",
    response_model=None,
    responses=problems(errors.Forbidden),
)
async def end(request: Request) -> Response:
    if SESSION_COOKIE in request.cookies:
        check_origin(request, _sessions(request))
    response = Response(status_code=204)
    _set(request, response, SESSION_COOKIE, "", 0)
    return response


@router.get(
    "/login",
    status_code=302,
    summary="Log in with a browser, at an OpenID Connect issuer",
    response_model=None,
    responses=problems(errors.InvalidField, errors.NotFound, errors.Unavailable),
)
async def login(request: Request, issuer: str | None = None, next: str = "/") -> Response:
    """`next` is the path on this site where the browser goes once it is logged in."""
    sessions = _sessions(request)
    target, begun = await sessions.login().begin(issuer, next)
    response = _redirect(target, 302)
    _set(request, response, LOGIN_COOKIE, sessions.seal_login(begun), LASTS)
    return response


@router.get(
    "/callback",
    status_code=303,
    summary="Where the issuer sends the browser back to",
    response_model=None,
    responses=problems(errors.InvalidRequest, errors.Unauthenticated, errors.NotFound, errors.Unavailable),
)
async def callback(request: Request) -> Response:
    sessions = _sessions(request)
    logins, begun = sessions.login(), sessions.login_in(request.cookies.get(LOGIN_COOKIE, ""))
    if begun is None:
        raise not_accepted("no login was begun in this browser, or too long ago")
    token = await logins.finish(begun, dict(request.query_params))
    await sessions.authenticator.authenticate(token)
    response = _redirect(begun.then, 303)
    _set(request, response, SESSION_COOKIE, sessions.seal(token), sessions.seconds)
    _set(request, response, LOGIN_COOKIE, "", 0)
    return response


def _sessions(request: Request) -> Sessions:
    sessions = sessions_of(request)
    assert sessions is not None  # add_sessions sets it
    return sessions


def _told(principal: Principal) -> Response:
    roles = {**dict(principal.others), principal.tenant: principal.role}
    caller = Caller(
        name=principal.name,
        tenant=principal.tenant,
        role=principal.role.name.lower(),
        tenants={tenant: role.name.lower() for tenant, role in sorted(roles.items())},
        platform=principal.platform.name.lower() if principal.platform else None,
    )
    return Response(
        dump_json(caller.model_dump()), media_type="application/json", headers={"Cache-Control": "no-store"}
    )


def _redirect(target: str, status: int) -> Response:
    return Response(status_code=status, headers={"Location": target, "Cache-Control": "no-store"})


def _set(request: Request, response: Response, name: str, value: str, seconds: int) -> None:
    """Lax: the session is there when a link leads here, and not when another site's page posts here."""
    url = _sessions(request).url
    secure = url.startswith("https:") if url else request.url.hostname not in LOOPBACK
    response.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="lax")
