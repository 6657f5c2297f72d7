"""A replica of the bridge, as far as callbacks go: over a real Temporal, and an Argo Server by its address.

`python -m tests.argo.callbacks.replica TEMPORAL ARGO` is one as a process, which can be killed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.trace import NoOpTracerProvider
from temporalio.client import Client

from bridge.argo.callbacks.metrics import CallbackMetrics
from bridge.argo.callbacks.service import Callbacks
from bridge.argo.callbacks.settings import CallbackSettings
from bridge.argo.server import ArgoServer
from bridge.loops import in_background
from bridge.metrics import Metrics
from bridge.steps.engine import RunRef, Snapshot
from bridge.steps.registry import App
from bridge.steps.request import StartRequest
from bridge.steps.start import plan_start
from bridge.steps.view import LinkBases
from bridge.temporal.attributes import SearchAttributeNames
from bridge.temporal.gateway import TemporalGateway
from bridge.temporal.owed import OwedRuns
from bridge.temporal.rpc import Rpc
from bridge.waits.cancels import Cancels
from bridge.waits.hub import Hub
from bridge.waits.settings import WaitSettings
from bridge.waits.views import Views
from crossover.audit import Entry, Event
from crossover.contract.run import Mode
from testbed.servers import PATIENCE
from tests.bridge.application import QUEUE

TENANT = "default"
BRISK = CallbackSettings(looks_per_second=200, backlog_interval=0.4, orphans_interval=0.4)
"""Rounds that tests need not wait for."""


class Gateway(TemporalGateway, OwedRuns):
    def __init__(self, client: Client, metrics: Metrics) -> None:
        tracer = NoOpTracerProvider().get_tracer("tests")
        TemporalGateway.__init__(self, client, metrics, tracer)
        rpc = Rpc(client, metrics, tracer)
        OwedRuns.__init__(self, rpc, SearchAttributeNames(rpc))


@dataclass
class Book:
    """An audit."""

    events: list[Event] = field(default_factory=list)

    def record(self, event: Event) -> None:
        self.events.append(event)

    def of(self, run: str) -> list[str]:
        return [event.action for event in self.events if event.subject == run]

    async def read(self, *, tenant: str | None, after: str | None, limit: int) -> Sequence[Entry]:
        return ()

    async def verify(self) -> Sequence[str]:
        return ()

    async def aclose(self) -> None:
        return


class Replica:
    def __init__(self, client: Client, argo: ArgoServer, settings: CallbackSettings) -> None:
        self.reader = InMemoryMetricReader()
        meter = MeterProvider([self.reader]).get_meter("tests")
        self.audit = Book()
        metrics = Metrics(meter)
        self.gateway = Gateway(client, metrics)
        self.hub = Hub(self.gateway, Views(LinkBases()), metrics, WaitSettings())
        self.cancels = Cancels(self.gateway, ["default"])
        self.callbacks = Callbacks(
            self.gateway,
            self.hub,
            self.cancels,
            argo,
            argo,
            ["default"],
            self.audit,
            CallbackMetrics(meter),
            settings,
        )

    @classmethod
    @asynccontextmanager
    async def started(
        cls, temporal: str, argo: str, settings: CallbackSettings = BRISK
    ) -> AsyncGenerator[Replica, None]:
        server = ArgoServer.at(argo, None, None)
        replica = cls(await Client.connect(temporal), server, settings)
        loops = replica.hub.run(), replica.cancels.run(), replica.callbacks.run()
        try:
            async with in_background(*loops):
                yield replica
                replica.hub.close()
        finally:
            await server.close()

    async def start(
        self, argo: dict[str, Any], workflow_type: str = "Echo", *, followed: bool = True, **changes: Any
    ) -> Snapshot:
        """Starts or attaches, as `POST /v1/runs` does it. `followed`: as by the replica that answers it."""
        mode = changes.pop("mode", Mode.CALLBACK)
        body = {"workflow_type": workflow_type, "task_queue": QUEUE, "argo": argo, **changes}
        if mode is Mode.CALLBACK:
            body = {"callback": {}, **body}
        request = StartRequest.model_validate(body)
        plan = plan_start(
            request,
            App(workflow_type=workflow_type, task_queue=QUEUE),
            tenant=TENANT,
            namespace="default",
            traceparent=None,
            key=None,
            may_have_started=False,
            mode=mode,
        )
        snapshot = (await self.gateway.start(plan)).snapshot
        if followed:
            self.callbacks.started(snapshot, request.argo.node())
        return snapshot

    async def ended(self, run: Snapshot) -> dict[str, Any]:
        """Its view once it is over."""
        async with asyncio.timeout(PATIENCE):
            while not (view := await self.hub.wait(run.ref, timeout=10, revision=None)).closed:
                continue
        return view.data

    async def cancel_requested(self, ref: RunRef) -> bool:
        newest = await self.gateway.describe(ref)
        return newest.cancel_requested or newest.status.closed

    def count(self, metric: str, **labels: str) -> float:
        """A metric's value; 0 for one that has none."""
        data = self.reader.get_metrics_data()
        points = [
            point
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for each in scope.metrics
            if each.name == metric
            for point in each.data.data_points
        ]
        wanted = [point for point in points if labels.items() <= dict(point.attributes or {}).items()]
        return sum(float(getattr(point, "value", 0)) for point in wanted)


async def main(temporal: str, argo: str) -> None:
    async with Replica.started(temporal, argo):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
