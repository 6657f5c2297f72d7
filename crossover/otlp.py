"""Traces and metrics to a collector, by OTLP over HTTP."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def span_exporter(endpoint: str) -> SpanProcessor:
    """Sends spans in batches. `endpoint`: the collector's base URL."""
    return BatchSpanProcessor(OTLPSpanExporter(_below(endpoint, "traces")))


def metric_reader(endpoint: str) -> MetricReader:
    """Sends metrics each minute."""
    return PeriodicExportingMetricReader(OTLPMetricExporter(_below(endpoint, "metrics")))


def _below(endpoint: str, signal: str) -> str:
    return f"{endpoint.rstrip('/')}/v1/{signal}"
