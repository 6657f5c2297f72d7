"""The log streamer, put together: nothing is built at import, and everything that lives is built here."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import FastAPI

from crossover import __version__
from crossover.api.documented import with_callers
from crossover.api.problems import add_problem_handlers
from crossover.api.requests import Requests
from crossover.api.session import add_sessions
from crossover.stores.fallback_leases import FallbackLeases
from crossover.stores.leases import Leases
from crossover.stores.local_leases import LocalLeases
from crossover.stores.redis_client import RedisAccess, connect
from crossover.stores.redis_leases import RedisLeases
from crossover.stores.redis_url import parse_redis_url
from crossover.telemetry import Telemetry, build_telemetry
from log_streamer.api import health, logs
from log_streamer.api.context import Context
from log_streamer.feed.feeds import Feeds
from log_streamer.hub.hub import Hub
from log_streamer.hub.settings import FollowSettings
from log_streamer.metrics import Metrics
from log_streamer.settings import LogStreamerSettings
from log_streamer.systems import Systems

DESCRIPTION = "One live, bounded feed of all logs of a trace."


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return with_callers(super().openapi())


def create_app(settings: LogStreamerSettings, *, telemetry: Telemetry | None = None) -> FastAPI:
    """An app that serves until its lifespan ends.

    Raises:
        ValueError: a file, URL or pattern of the settings cannot be used, or nothing is there to read from.
    """
    telemetry = telemetry or build_telemetry("crossover-log-streamer", otlp_endpoint=settings.otlp_endpoint)
    metrics = Metrics(telemetry.meter)
    tenants, authenticator, redactor = settings.tenants(), settings.authenticator(), settings.redactor()
    systems, store = Systems(settings), _store(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.close)
            stack.push_async_callback(authenticator.aclose)
            stack.push_async_callback(systems.close)
            leases = FallbackLeases(
                store, lease=settings.stream_lease, local_cap=settings.streams_without_redis
            )
            await stack.enter_async_context(leases)
            metrics.watch_streams(lambda: leases.live)
            hub = Hub(FollowSettings(), metrics)
            feeds = Feeds(lambda _: systems.all(), hub, redactor, settings.feed(), metrics)
            stack.push_async_callback(feeds.close)
            app.state.context = Context(settings, tenants, feeds, leases, authenticator, telemetry, metrics)
            yield

    app = _App(
        title="Crossover log streamer", version=__version__, description=DESCRIPTION, lifespan=lifespan
    )
    add_problem_handlers(app, metrics.failed)
    app.add_middleware(Requests, tracer=telemetry.tracer, count=metrics.failed)
    app.include_router(logs.router)
    app.include_router(health.router)
    add_sessions(app, settings.sessions(authenticator))
    return app


def _store(settings: LogStreamerSettings) -> Leases:
    if settings.redis_url is None:
        return LocalLeases()
    try:
        target = parse_redis_url(settings.redis_url)
    except ValueError as error:
        raise ValueError(f"redis_url: {error}") from None
    access = RedisAccess(settings.redis_password_file, settings.redis_ca_file)
    client = connect(target, access, timeout=settings.redis_timeout)
    return RedisLeases(client, lease=settings.stream_lease, timeout=settings.redis_timeout)
