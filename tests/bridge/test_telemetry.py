"""Telemetry: one trace from Argo into activities, metrics by name, and log lines that carry the trace id."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio import activity, workflow
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bridge.app import create_app
from bridge.server import Server, config_of
from bridge.settings import BridgeSettings
from crossover.telemetry import build_telemetry
from testbed.ports import free_port
from testbed.servers import Bridge, TemporalServer, until_open
from tests.bridge.conftest import ended, start_body, started
from tests.patience import PATIENCE

TRACE, PARENT_SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@workflow.defn(name="Traced")
class Traced:
    @workflow.run
    async def run(self, given: dict[str, Any]) -> str:
        return await workflow.execute_activity(traced, start_to_close_timeout=timedelta(seconds=10))


@activity.defn
async def traced() -> str:
    return "done"


@asynccontextmanager
async def in_process(
    temporal: TemporalServer, exporter: InMemorySpanExporter
) -> AsyncGenerator[httpx.AsyncClient, None]:
    """The bridge in this process, so that its spans can be read."""
    settings = BridgeSettings(listen_port=free_port(), temporal_address=temporal.address)
    telemetry = build_telemetry("bridge", span_processor=SimpleSpanProcessor(exporter))
    server = Server(config_of(settings, create_app(settings, telemetry=telemetry)))
    task = asyncio.create_task(server.serve())
    await until_open(settings.listen_port)
    url = f"http://127.0.0.1:{settings.listen_port}"
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as http:
        yield http
    server.should_exit = True
    await task


async def test_one_trace_leads_from_argo_through_the_bridge_into_workflow_and_activity(
    temporal: TemporalServer, client: Client
) -> None:
    exporter = InMemorySpanExporter()
    application = TracerProvider(shutdown_on_exit=False)
    application.add_span_processor(SimpleSpanProcessor(exporter))
    queue = f"traced-{uuid.uuid4().hex[:6]}"
    worker = Worker(
        client,
        task_queue=queue,
        workflows=[Traced],
        activities=[traced],
        workflow_runner=UnsandboxedWorkflowRunner(),
        interceptors=[TracingInterceptor(application.get_tracer("application"))],
    )
    async with worker, in_process(temporal, exporter) as http:
        headers = {"traceparent": f"00-{TRACE}-{PARENT_SPAN}-01"}
        reply = await http.post("/v1/runs", json=start_body("Traced", task_queue=queue), headers=headers)
        await ended(http, reply.json()["id"])
    spans = exporter.get_finished_spans()
    assert {"POST /v1/runs", "temporal.StartWorkflowExecution"} <= names(spans)
    assert {"RunWorkflow:Traced", "StartActivity:traced", "RunActivity:traced"} <= names(spans)
    ours = [span for span in spans if trace_of(span) == TRACE]
    assert parents(ours, "RunActivity:traced")[-2:] == ["POST /v1/runs", "(argo)"]


def names(spans: tuple[ReadableSpan, ...]) -> set[str]:
    return {span.name for span in spans if trace_of(span) == TRACE}


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def parents(spans: list[ReadableSpan], name: str) -> list[str]:
    """The names of a span's ancestors, nearest first; `(argo)` for the span that Argo made."""
    by_id = {span.context.span_id: span for span in spans if span.context is not None}
    (current,) = [span for span in spans if span.name == name]
    found: list[str] = []
    while current.parent is not None:
        if f"{current.parent.span_id:016x}" == PARENT_SPAN:
            return [*found, "(argo)"]
        current = by_id[current.parent.span_id]
        found.append(current.name)
    return found


async def test_a_waiting_client_makes_no_span_that_lasts_as_long_as_it_waits(
    temporal: TemporalServer,
) -> None:
    exporter = InMemorySpanExporter()
    async with in_process(temporal, exporter) as http:
        run = (await http.post("/v1/runs", json=start_body(task_queue=f"none-{uuid.uuid4().hex[:6]}"))).json()
        await http.get(f"/v1/runs/{run['id']}", params={"wait": "8s"})
        await http.post(f"/v1/runs/{run['id']}/terminate", json={})
    longest = max((span.end_time or 0) - (span.start_time or 0) for span in exporter.get_finished_spans())
    assert longest < 6_000_000_000  # nanoseconds


@pytest.mark.parametrize(
    "metric",
    [
        'crossover_starts_total{outcome="created"}',
        'crossover_starts_total{outcome="attached"}',
        'crossover_temporal_calls_total{call="StartWorkflowExecution",outcome="OK"}',
        'crossover_errors_total{kind="not-found"}',
        "crossover_notify_latency_seconds_count",
        "crossover_waiting_clients",
        'crossover_watched_runs{by="long poll"}',
    ],
)
async def test_metrics_are_there_by_name(bridge: Bridge, metric: str) -> None:
    body = start_body(input={"sleep": 0.2})
    for _ in range(2):
        run = (await bridge.http.post("/v1/runs", json=body)).json()["id"]
    await ended(bridge.http, run)
    await bridge.http.get("/v1/runs/none")
    assert metric in (await bridge.http.get("/metrics")).text


def logged_starts(bridge: Bridge, run: str) -> list[dict[str, Any]]:
    whole = Path(bridge.log).read_text().split("\n")[:-1]
    lines = [json.loads(line) for line in whole if run in line]
    return [line for line in lines if line.get("method") == "POST"]


async def test_the_log_line_of_a_request_carries_its_trace_id_and_run(bridge: Bridge) -> None:
    run = await started(bridge.http, trace_id=f"trace-{uuid.uuid4().hex[:8]}")
    async with asyncio.timeout(PATIENCE):
        while not (starts := logged_starts(bridge, run["id"])):  # a moment after the answer
            await asyncio.sleep(0.05)
    (start,) = starts
    assert (start["trace_id"], start["run"], start["status"]) == (run["trace_id"], run["id"], 201)
    assert start["request_id"]
