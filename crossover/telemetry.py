"""Logs, metrics and traces: structured lines with a trace_id, OpenTelemetry for the rest.

Nothing here is global but Python's logging: providers are built once by an app and handed down.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TextIO

import structlog
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import NoOpTracer, Tracer
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest


@dataclass(frozen=True, slots=True)
class Telemetry:
    """An app's tracer and meter. `close` flushes what is still to be exported."""

    tracer: Tracer
    meter: Meter
    tracers: TracerProvider
    meters: MeterProvider
    registry: CollectorRegistry

    def prometheus(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)

    def close(self) -> None:
        self.tracers.shutdown()
        self.meters.shutdown()


def build_telemetry(
    service: str,
    *,
    otlp_endpoint: str | None = None,
    span_processor: SpanProcessor | None = None,
) -> Telemetry:
    """Metrics go to Prometheus' text format, and with spans to `otlp_endpoint` (base URL of OTLP over HTTP).

    Without a place for spans none are made, and a caller's traceparent passes through unchanged.
    """
    resource = Resource.create({"service.name": service})
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    # A registry of our own: two apps in one process would collide in the process's.
    registry = CollectorRegistry()
    prometheus = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False, registry=registry)
    readers: list[MetricReader] = [prometheus]
    if otlp_endpoint:
        # Its exporters are 2 MB of the log streamer and 100 ms, with Protocol Buffers.
        from crossover.otlp import metric_reader, span_exporter

        tracers.add_span_processor(span_exporter(otlp_endpoint))
        readers.append(metric_reader(otlp_endpoint))
    if span_processor:
        tracers.add_span_processor(span_processor)
    meters = MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
    return Telemetry(
        tracer=tracers.get_tracer(service) if otlp_endpoint or span_processor else NoOpTracer(),
        meter=meters.get_meter(service),
        tracers=tracers,
        meters=meters,
        registry=registry,
    )


def configure_logging(level: str, *, stream: TextIO = sys.stderr, json: bool = True) -> None:
    """One JSON object per line (or, for people, aligned text): ours and the libraries' alike.

    The audit goes to standard output instead, so that it can be shipped by itself.
    """
    renderer: structlog.typing.Processor = structlog.processors.JSONRenderer()
    if not json:
        # Plain tracebacks: the pretty ones show every local variable, secrets too, and take seconds.
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.EventRenamer("msg"),
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
        foreign_pre_chain=shared,
    )
    handler, audit = logging.StreamHandler(stream), logging.StreamHandler(sys.stdout)
    for each in (handler, audit):
        each.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    logging.getLogger("audit").handlers = [audit]
    logging.getLogger("audit").propagate = False
    logging.getLogger("uvicorn.access").disabled = True
    # It tells each request with its address; the sweeps for what Argo is owed make many.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger
