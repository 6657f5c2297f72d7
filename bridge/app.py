"""The bridge, put together: nothing is built at import, and everything that lives is built here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from bridge.api import controls, events, health, runs
from bridge.api.context import Context
from bridge.argo.workflows import ArgoWorkflows, from_argo_server, from_kubernetes
from bridge.gateway import Gateway
from bridge.metrics import Metrics
from bridge.service import Runs
from bridge.settings import BridgeSettings
from bridge.temporal.gateway import connect
from bridge.waits.cancels import Cancels
from bridge.waits.hub import Hub
from bridge.waits.views import Views
from crossover import __version__
from crossover.api.documented import with_token_scheme
from crossover.api.problems import add_problem_handlers
from crossover.api.requests import Requests
from crossover.telemetry import Telemetry, build_telemetry

DESCRIPTION = "Starts Temporal runs for Argo steps, and tells how they go."


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return with_token_scheme(super().openapi())


def create_app(
    settings: BridgeSettings, *, gateway: Gateway | None = None, telemetry: Telemetry | None = None
) -> FastAPI:
    """An app that serves until its lifespan ends. Tests hand in a telemetry with an exporter of their own.

    Raises:
        ValueError: the registry or the token file cannot be used; the text names the place.
    """
    telemetry = telemetry or build_telemetry("crossover-bridge", otlp_endpoint=settings.otlp_endpoint)
    metrics = Metrics(telemetry.meter)
    registry, authenticator = settings.registry(), settings.authenticator()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        temporal = gateway or await connect(settings.connection(), metrics, telemetry.tracer)
        workflows = _argo(settings)
        hub = Hub(temporal, Views(settings.links()), metrics, settings.waits())
        cancels = Cancels(temporal, registry.namespaces(settings.temporal_namespace))
        service = Runs(temporal, hub, cancels, registry, metrics, workflows, settings.temporal_namespace)
        app.state.context = Context(settings, service, authenticator, telemetry)
        background = [asyncio.create_task(hub.run()), asyncio.create_task(cancels.run())]
        try:
            yield
        finally:
            hub.close()
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            if workflows is not None:
                await workflows.close()
            await authenticator.aclose()
            telemetry.close()

    app = _App(title="Crossover bridge", version=__version__, description=DESCRIPTION, lifespan=lifespan)
    add_problem_handlers(app, metrics.failed)
    app.add_middleware(Requests, tracer=telemetry.tracer, count=metrics.failed)
    for router in (runs.router, controls.router, events.router, health.router):  # the busiest first
        app.include_router(router)
    last = APIRouter(prefix="/v1/runs", tags=["runs"])
    runs.add_get(last)
    app.include_router(last)
    return app


def _argo(settings: BridgeSettings) -> ArgoWorkflows | None:
    token, ca = settings.argo_token_file, settings.argo_ca_file
    if settings.argo_server_url:
        return from_argo_server(settings.argo_server_url, token, ca)
    if settings.argo_kubernetes_url:
        return from_kubernetes(settings.argo_kubernetes_url, token, ca)
    return None
