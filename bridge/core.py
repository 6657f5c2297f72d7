"""What starts runs and waits for them, put together: the bridge and the agent are built around it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bridge.flags.decisions import Decisions
from bridge.gateway import Gateway
from bridge.limits import StartLimits
from bridge.loops import in_background
from bridge.metrics import Metrics
from bridge.quotas import RunningQuota
from bridge.service import Runs, Workflows
from bridge.settings import BridgeSettings
from bridge.steps.registry import Registry
from bridge.stores import Stores, open_stores
from bridge.waits.cancels import Cancels
from bridge.waits.hub import Hub
from bridge.waits.views import Views


@dataclass(frozen=True, slots=True)
class Core:
    """Its loops run for as long as it is open."""

    gateway: Gateway
    registry: Registry
    stores: Stores
    decisions: Decisions
    hub: Hub
    cancels: Cancels
    runs: Runs


@asynccontextmanager
async def open_core(
    settings: BridgeSettings,
    registry: Registry,
    gateway: Gateway,
    metrics: Metrics,
    workflows: Workflows | None = None,
) -> AsyncGenerator[Core, None]:
    """
    Args:
        workflows: where Argo's Workflows are read for those who ask whether one was stopped.
    """
    async with AsyncExitStack() as stack:
        stores = await stack.enter_async_context(open_stores(settings))
        metrics.watch_flags(stores.keeper)
        metrics.watch_writes(stores.unwritten, stores.lost)

        def namespace_of(tenant: str) -> str:
            return registry.namespace_of(tenant, settings.temporal_namespace)

        async def count_open(tenant: str) -> int:
            return await gateway.count_open(namespace_of(tenant), tenant)

        hub = Hub(gateway, Views(settings.links()), metrics, settings.waits())
        cancels = Cancels(gateway, registry.namespaces(settings.temporal_namespace))
        decisions = Decisions(
            stores.keeper,
            stores.pins,
            gateway.describe,
            namespace_of,
            stores.audit,
            metrics.decided,
            settings.decision_patience,
        )
        runs = Runs(
            gateway,
            hub,
            cancels,
            registry,
            metrics,
            workflows,
            settings.temporal_namespace,
            decisions,
            StartLimits(stores.rates, RunningQuota(count_open)),
            settings.cluster_name(),
        )
        stack.callback(hub.close)
        await stack.enter_async_context(in_background(hub.run(), cancels.run(), stores.keeper.run()))
        yield Core(gateway, registry, stores, decisions, hub, cancels, runs)
