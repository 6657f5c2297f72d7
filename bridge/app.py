"""The bridge, put together: nothing is built at import, and everything that lives is built here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI

from bridge.acting import ActingRuns
from bridge.api import (
    approvals,
    audit,
    controls,
    decisions,
    events,
    flag_edits,
    flag_versions,
    flags,
    health,
    ofrep,
    plugin,
    runs,
)
from bridge.api.context import Context
from bridge.approvals.effects import Effects
from bridge.approvals.service import Approvals
from bridge.argo.callbacks.metrics import CallbackMetrics
from bridge.argo.callbacks.service import Callbacks
from bridge.argo.plugin.plugin import Plugin
from bridge.argo.server import ArgoServer
from bridge.argo.workflows import ArgoWorkflows, from_kubernetes
from bridge.core import Core, open_core
from bridge.flags.changes import Changes
from bridge.flags.outcomes import OutcomeBook
from bridge.flags.parity import ParityVerdicts
from bridge.flags.rollouts import Rollouts
from bridge.gateway import Gateway
from bridge.loops import in_background
from bridge.metrics import Metrics
from bridge.settings import BridgeSettings
from bridge.stores import check_stores
from bridge.temporal.gateway import connect
from crossover import __version__
from crossover.api.documented import with_callers
from crossover.api.problems import add_problem_handlers
from crossover.api.requests import Requests
from crossover.api.session import add_sessions
from crossover.telemetry import Telemetry, build_telemetry

ROUTERS = (
    runs,
    controls,
    events,
    plugin,
    health,
    decisions,
    flags,
    flag_edits,
    flag_versions,
    ofrep,
    audit,
    approvals,
)
"""The busiest first."""

DESCRIPTION = "Starts Temporal runs for Argo steps, and tells how they go."


class _App(FastAPI):
    def openapi(self) -> dict[str, Any]:
        return with_callers(super().openapi())


def create_app(
    settings: BridgeSettings, *, gateway: Gateway | None = None, telemetry: Telemetry | None = None
) -> FastAPI:
    """An app that serves until its lifespan ends. Tests hand in a telemetry with an exporter of their own.

    Raises:
        ValueError: the registry or the token file cannot be used; the text names the place.
    """
    telemetry = telemetry or build_telemetry("crossover-bridge", otlp_endpoint=settings.otlp_endpoint)
    metrics = Metrics(telemetry.meter)
    callback_metrics = CallbackMetrics(telemetry.meter)
    registry, authenticator = settings.registry(), settings.authenticator()

    check_stores(settings)
    parity = settings.parity_places()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.close)
            stack.push_async_callback(authenticator.aclose)
            if (workflows := _argo(settings)) is not None:
                stack.push_async_callback(workflows.close)
            temporal = gateway or await connect(settings.connection(), metrics, telemetry.tracer)
            core = await stack.enter_async_context(
                open_core(settings, registry, temporal, metrics, workflows)
            )
            stores = core.stores
            verdicts = ParityVerdicts(parity)
            stack.push_async_callback(verdicts.aclose)
            rollouts = Rollouts(stores.keeper, stores.outcomes, verdicts, stores.audit)
            namespaces = registry.namespaces(settings.temporal_namespace)
            callbacks = _callbacks(settings, core, workflows, namespaces, callback_metrics)
            effects = Effects(
                temporal,
                namespaces,
                callbacks.completer if callbacks else None,
                workflows,
                stores.audit,
                metrics.approval,
            )
            asking = Approvals(temporal, registry, settings.temporal_namespace, workflows, effects)
            asked_by_plugin = Plugin(
                ActingRuns(core.runs, "crossover-plugin"), requeue=settings.plugin_requeue
            )
            stack.push_async_callback(asked_by_plugin.aclose)
            context = Context(
                settings,
                core.runs,
                authenticator,
                telemetry,
                Changes(stores.flags, stores.keeper, stores.audit, registry.tenants),
                core.decisions,
                OutcomeBook(stores.outcomes),
                stores,
                rollouts,
                asking,
                asked_by_plugin,
                callbacks,
                asyncio.Event(),
            )
            app.state.context = context
            stack.callback(context.closing.set)
            loops = [rollouts.run(), context.flags.follow(), effects.run()]
            loops += [callbacks.run()] if callbacks else []
            await stack.enter_async_context(in_background(*loops))
            yield

    app = _App(title="Crossover bridge", version=__version__, description=DESCRIPTION, lifespan=lifespan)
    add_problem_handlers(app, metrics.failed)
    app.add_middleware(Requests, tracer=telemetry.tracer, count=metrics.failed)
    for each in ROUTERS:
        app.include_router(each.router)
    last = APIRouter(prefix="/v1/runs", tags=["runs"])
    runs.add_get(last)
    app.include_router(last)
    add_sessions(app, settings.sessions(authenticator))
    return app


def _callbacks(
    settings: BridgeSettings,
    core: Core,
    workflows: ArgoWorkflows | None,
    namespaces: Sequence[str],
    metrics: CallbackMetrics,
) -> Callbacks | None:
    """None where there is no Argo to ask; only the Argo Server can complete nodes."""
    if workflows is None:
        return None
    server = workflows if isinstance(workflows, ArgoServer) else None
    callbacks = Callbacks(
        core.gateway,
        core.hub,
        core.cancels,
        workflows,
        server,
        namespaces,
        core.stores.audit,
        metrics,
        settings.callbacks(),
    )
    if server is not None:
        core.runs.calls_back = callbacks.started
    return callbacks


def _argo(settings: BridgeSettings) -> ArgoWorkflows | None:
    token, ca = settings.argo_token_file, settings.argo_ca_file
    if settings.argo_server_url:
        return ArgoServer.at(settings.argo_server_url, token, ca)
    if settings.argo_kubernetes_url:
        return from_kubernetes(settings.argo_kubernetes_url, token, ca)
    return None
