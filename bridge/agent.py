"""The zero-pod agent, put together: what `crossover agent serve` runs."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import uvicorn
from fastapi import FastAPI, Response

from bridge.acting import ActingRuns
from bridge.agent_settings import AgentSettings
from bridge.argo.agent.agent import Agent
from bridge.argo.agent.election import Election, Lead, identity, lease_name
from bridge.argo.agent.http.rules import Network
from bridge.argo.agent.http.tasks import HttpTasks
from bridge.argo.agent.metrics import AgentMetrics
from bridge.argo.agent.orphans import Orphans
from bridge.argo.agent.performer import Performer
from bridge.argo.agent.progress import Progress
from bridge.argo.agent.writer import Writing
from bridge.core import Core, open_core
from bridge.loops import in_background
from bridge.metrics import Metrics
from bridge.open_runs import AgentRuns
from bridge.stores import check_stores
from bridge.temporal.gateway import TemporalGateway, connect
from crossover import __version__
from crossover.api import serving
from crossover.kubernetes.access import Access
from crossover.kubernetes.client import KubernetesClient
from crossover.kubernetes.errors import ApiError
from crossover.strict_json import dump_json
from crossover.telemetry import Telemetry, build_telemetry, get_logger

NAME = "crossover-agent"

_log = get_logger(__name__)


class Alone:
    """Leads for good: the only replica there is."""

    def may_write(self) -> bool:
        return True

    def remaining(self) -> float:
        return 3600.0

    async def run(self, lead: Lead) -> None:
        await lead()


class AgentProcess:
    """What lives as long as the process; an `Agent` lives as long as its leadership."""

    def __init__(
        self,
        settings: AgentSettings,
        core: Core,
        gateway: TemporalGateway,
        api: KubernetesClient,
        metrics: AgentMetrics,
        http: HttpTasks | None,
    ) -> None:
        self._settings = settings
        self._core = core
        self._api = api
        self._metrics = metrics
        self._scope = settings.scope()
        self._election = self._elect()
        self._writing = Writing(api, self._election, metrics)
        self._open_runs = AgentRuns(gateway, core.registry.namespaces(settings.temporal_namespace))
        self._performer = Performer(
            runs=ActingRuns(core.runs, NAME),
            tenant_of=core.registry.of_argo_namespace,
            http=http,
            starts=asyncio.Semaphore(settings.starts_at_once),
            metrics=metrics,
        )
        metrics.watch_leading(self._election.may_write)

    def _elect(self) -> Election | Alone:
        if not self._settings.elect:
            return Alone()
        name = lease_name(*((self._scope.shard, self._scope.shards) if self._scope.shards > 1 else ()))
        return Election(self._api, self._settings.lease_home(), name, identity(self._settings.replica()))

    async def run(self) -> None:
        """Until cancelled: stands for election, and acts while elected.

        What fails here may leave the leader's work undone or done twice, so the process ends, as by SIGTERM:
        nothing is lost with it.
        """
        try:
            await self._election.run(self._lead)
        except Exception:
            _log.exception("the agent ends")
            signal.raise_signal(signal.SIGTERM)

    async def _lead(self) -> None:
        agent = Agent(
            self._api,
            self._scope,
            self._performer,
            self._writing,
            Progress(self._settings.progress_rate),
            self._metrics,
            self._settings.shutdown_grace,
        )
        async with asyncio.TaskGroup() as group:
            group.create_task(agent.run())
            group.create_task(Orphans(agent, self._open_runs).run())

    async def checks(self) -> dict[str, str]:
        """Each dependency: `ok`, or what is missing."""
        temporal = await self._core.gateway.check(self._settings.temporal_namespace)
        return {"temporal": temporal or "ok", "kubernetes": await self._kubernetes() or "ok"}

    async def _kubernetes(self) -> str | None:
        try:
            await self._api.get("/version")
        except ApiError as error:
            return error.detail
        return None


def create_app(
    settings: AgentSettings, *, telemetry: Telemetry | None = None, http_allow: Sequence[Network] = ()
) -> FastAPI:
    """An app that acts until its lifespan ends.

    Args:
        http_allow: networks that `http` templates may reach although they are refused: loopback, for tests.

    Raises:
        ValueError: the registry cannot be used; the text names the place.
    """
    telemetry = telemetry or build_telemetry(NAME, otlp_endpoint=settings.otlp_endpoint)
    metrics, agent_metrics = Metrics(telemetry.meter), AgentMetrics(telemetry.meter)
    registry = settings.registry()
    check_stores(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
        async with AsyncExitStack() as stack:
            stack.callback(telemetry.close)
            access = settings.access()
            api = KubernetesClient(access)
            stack.push_async_callback(api.close)
            http = await _http(settings, access, api, stack, http_allow)
            gateway = await connect(settings.connection(), metrics, telemetry.tracer)
            core = await stack.enter_async_context(open_core(settings, registry, gateway, metrics))
            process = AgentProcess(settings, core, gateway, api, agent_metrics, http)
            app.state.process = process
            await stack.enter_async_context(in_background(process.run()))
            yield

    app = FastAPI(title="Crossover agent", version=__version__, lifespan=lifespan, openapi_url=None)
    _add_health(app, telemetry)
    return app


async def _http(
    settings: AgentSettings,
    access: Access,
    api: KubernetesClient,
    stack: AsyncExitStack,
    allow: Sequence[Network],
) -> HttpTasks | None:
    if not settings.http:
        return None
    url = (await access.configuration()).host
    tasks = HttpTasks(api, settings.http_rules(), api_url=url, allow=allow)
    stack.push_async_callback(tasks.close)
    return tasks


def _add_health(app: FastAPI, telemetry: Telemetry) -> None:
    @app.get("/healthz")
    async def healthz() -> Response:
        return Response(b'{"status":"ok"}', media_type="application/json")

    @app.get("/readyz")
    async def readyz() -> Response:
        checks = await app.state.process.checks()
        ready = set(checks.values()) == {"ok"}
        body = {"status": "ready" if ready else "not ready", "checks": checks}
        return Response(dump_json(body), status_code=200 if ready else 503, media_type="application/json")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(telemetry.prometheus(), media_type="text/plain; version=0.0.4")


def serve(settings: AgentSettings) -> None:
    """Until SIGTERM or SIGINT."""
    app = create_app(settings)
    config = serving.config_of(app, settings.listen_host, settings.listen_port, settings.shutdown_grace)
    serving.run(uvicorn.Server(config), "agent", settings.listen_host, settings.listen_port)
