"""OpenTelemetry beside the plugin: the bridge's traceparent becomes the parent of the run's spans."""

from __future__ import annotations

import uuid

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from temporalio.client import Client
from temporalio.contrib.opentelemetry import TracingInterceptor

from crossover_sdk import CrossoverPlugin
from tests.sdk.application import Look
from tests.sdk.conftest import CONTEXT, application, bridge, working


async def spans_of_a_run(client: Client, traceparent: str) -> dict[str, str]:
    """Span name to trace id, for a run whose start carried `_tracer-data` as the bridge writes it."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = TracingInterceptor(provider.get_tracer("application"))
    own = application(client, CrossoverPlugin(), interceptors=[tracing])
    headers = {**CONTEXT, "_tracer-data": {"traceparent": traceparent}}
    async with working(own) as queue:
        seen = await bridge(client, headers).execute_workflow(
            Look.run, None, id=f"traced-{uuid.uuid4()}", task_queue=queue
        )
    assert [place["trace_id"] for place in seen if place] == ["wf-1", "wf-1"]
    spans = exporter.get_finished_spans()
    return {span.name: f"{span.context.trace_id:032x}" for span in spans if span.context}


async def test_spans_of_workflow_and_activity_join_the_trace_of_the_start(
    client: Client,
) -> None:
    spans = await spans_of_a_run(client, CONTEXT["traceparent"])

    assert {"RunWorkflow:Look", "StartActivity:look_async", "RunActivity:look_async"} <= set(spans)
    assert set(spans.values()) == {CONTEXT["traceparent"].split("-")[1]}


async def test_an_unsampled_traceparent_makes_nobody_export_spans(client: Client) -> None:
    assert await spans_of_a_run(client, CONTEXT["traceparent"].removesuffix("01") + "00") == {}
