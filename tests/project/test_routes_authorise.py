"""Every route of both services asks `authorise` before it touches anything.

It is not the routes' code that is looked at, but what happens: each is called by nobody, and by a caller who
has no role anywhere. The second has to be asked for its role, get a 403 or 404, and reach no Temporal.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from starlette.routing import Route

from bridge.app import create_app as create_bridge
from bridge.gateway import Gateway
from bridge.settings import BridgeSettings
from crossover.api.caller import authenticate
from crossover.api.problems import add_problem_handlers
from crossover.errors import Unauthenticated, Unavailable
from crossover.identity import Action, Authenticator, Principal, Resource, Role, authorise
from log_streamer.app import create_app as create_log_streamer
from log_streamer.settings import LogStreamerSettings

PUBLIC = {"/healthz", "/readyz", "/metrics", "/docs", "/docs/oauth2-redirect", "/redoc", "/openapi.json"}
OWN_SESSION = {"/v1/session", "/v1/session/login", "/v1/session/callback"}
"""They tell callers who they are, and act on nothing else."""

RUN = "crossover/acme/argo/u/n-1"
TOKEN = {"authorization": "Bearer somebody"}

_seen: ContextVar[list[str] | None] = ContextVar("_seen", default=None)
"""What the request of this context did: background work has contexts of its own."""


def _note(what: str) -> None:
    if (seen := _seen.get()) is not None:
        seen.append(what)


class Nobody(Principal):
    """Proven to be somebody, who has no role in any tenant, nor over the platform."""

    def role_in(self, tenant: str) -> Role | None:
        _note("was asked for its role")
        return None


class OnlyNobody:
    async def authenticate(self, token: str | None) -> Principal:
        if token is None:
            raise Unauthenticated("Send a token.")
        return Nobody("nobody", "nowhere", Role.VIEWER)

    async def aclose(self) -> None:
        pass


class Temporal:
    """Cannot be reached, and notes who tries."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*_: object, **__: object) -> Any:
            _note(f"reached Temporal: {name}")
            raise Unavailable("There is no Temporal here.")

        return call


class _Bridge(BridgeSettings):
    def authenticator(self) -> Authenticator:
        return OnlyNobody()


class _LogStreamer(LogStreamerSettings):
    def authenticator(self) -> Authenticator:
        return OnlyNobody()


def apps(folder: Path) -> dict[str, FastAPI]:
    return {
        "bridge": create_bridge(_Bridge(), gateway=cast(Gateway, Temporal())),
        "log streamer": create_log_streamer(_LogStreamer(local_runs=folder)),
    }


def calls(app: FastAPI) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Each route that is not public: method, a path that it takes, and a body."""
    routes = list(_flat(app.routes))
    assert {route.path.replace(":path", "") for route in routes} >= set(app.openapi()["paths"])
    for route in routes:
        if route.path not in PUBLIC | OWN_SESSION:
            for method in sorted(route.methods or ()):
                yield method, _path(route), _body(route)


def _flat(routes: Iterable[object]) -> Iterator[Route]:
    """FastAPI keeps included routers whole."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if isinstance(inner, APIRouter):
            yield from _flat(inner.routes)
        else:
            assert isinstance(route, Route), f"{route} is of a kind that this test does not know"
            yield route


def _path(route: Route) -> str:
    """With the query parameters that the framework itself insists on."""
    given = route.dependant if isinstance(route, APIRoute) else None
    numbers = {each.name for each in given.path_params if each.field_info.annotation is int} if given else ()

    def value(found: re.Match[str]) -> str:
        name = found[1]
        return RUN if name == "run" else "1" if name in numbers else "x1"

    path = re.sub(r"\{(\w+)(?::\w+)?\}", value, route.path)
    needed = [each.alias for each in given.query_params if each.field_info.is_required()] if given else []
    return f"{path}?{urlencode(dict.fromkeys(needed, 'x1'))}" if needed else path


def _body(route: Route) -> dict[str, Any]:
    """The route's own example; a route that reads its body first must have one."""
    extra = (route.openapi_extra if isinstance(route, APIRoute) else None) or {}
    content = extra.get("requestBody", {}).get("content", {}).get("application/json", {})
    example: dict[str, Any] = content.get("example", {})
    return example


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://service", timeout=10
        ) as client,
    ):
        yield client


async def careless(app: FastAPI) -> dict[tuple[str, str], str]:
    """The routes that do not ask for a token first, or do something for a caller without any role."""
    found = {}
    async with serving(app) as client:
        for method, path, body in calls(app):
            reply = await client.request(method, path, json=body)
            if reply.status_code != 401:
                found[method, path] = f"{reply.status_code} without a token: {reply.text[:200]}"
            seen: list[str] = []
            _seen.set(seen)
            reply = await client.request(method, path, json=body, headers=TOKEN)
            _seen.set(None)
            if reply.status_code not in (403, 404) or set(seen) != {"was asked for its role"}:
                found[method, path] = f"{reply.status_code} without a role, {seen}: {reply.text[:200]}"
    return found


@pytest.mark.parametrize("service", ["bridge", "log streamer"])
async def test_every_route_authorises_before_it_touches_anything(service: str, tmp_path: Path) -> None:
    app = apps(tmp_path)[service]
    assert len(list(calls(app))) >= 1
    assert await careless(app) == {}


async def test_the_check_would_notice() -> None:
    app, temporal = FastAPI(), Temporal()
    add_problem_handlers(app, lambda _: None)

    @app.get("/open")
    async def open_to_all() -> None: ...

    @app.get("/known/{run:path}")
    async def known_callers(request: Request) -> None:
        await authenticate(request, OnlyNobody())

    @app.get("/late")
    async def late(request: Request) -> None:
        principal = await authenticate(request, OnlyNobody())
        with contextlib.suppress(Unavailable):
            await temporal.describe()
        authorise(principal, Action.READ, Resource("acme"))

    @app.get("/good")
    async def good(request: Request) -> None:
        authorise(await authenticate(request, OnlyNobody()), Action.READ, Resource("acme"))

    assert {path for _, path in await careless(app)} == {"/open", f"/known/{RUN}", "/late"}
