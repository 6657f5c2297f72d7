"""docs/metrics.md: the services' metrics, as they report them, with `metric_texts`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from opentelemetry.metrics import Meter
from prometheus_client.metrics_core import Metric

from bridge.argo.agent.metrics import AgentMetrics
from bridge.argo.callbacks.metrics import CallbackMetrics
from bridge.metrics import Metrics as BridgeMetrics
from crossover.contract.run import ArgoNode
from crossover.flags.decision import Decision
from crossover.flags.model import ENABLE_CROSSOVER, Context, Reason, Variant
from crossover.stores.flag_keeper import FlagKeeper
from crossover.stores.no_stores import NoFlags
from crossover.telemetry import build_telemetry
from docs.pages.markdown import code, page, table
from docs.pages.metric_texts import AGENT, BRIDGE, CALLBACKS, LOG_STREAMER, Text
from log_streamer.metrics import Metrics as LogStreamerMetrics

INTRO = """\
`GET /metrics` serves these in Prometheus' text format, and each service's `OTLP_ENDPOINT` setting sends them
by OTLP as well. They are one replica's own: sum them over replicas. Those of callbacks are the bridge's; the
agent also has the bridge's metrics of runs, flags and stores."""

SERVICES = {
    "The bridge": ("bridge/metrics.py", BridgeMetrics, BRIDGE),
    "Callbacks": ("bridge/argo/callbacks/metrics.py", CallbackMetrics, CALLBACKS),
    "The agent": ("bridge/argo/agent/metrics.py", AgentMetrics, AGENT),
    "The log streamer": ("log_streamer/metrics.py", LogStreamerMetrics, LOG_STREAMER),
}


def render() -> str:
    """Raises ValueError when a metric has no text, or a text no metric."""
    sources = ", ".join(source for source, _, _ in SERVICES.values())
    parts = [
        part
        for title, (source, metrics, texts) in SERVICES.items()
        for part in (f"## {title}", rows_of(source, metrics, texts))
    ]
    return page("Metrics", f"{sources} and docs/pages/metric_texts.py", INTRO, *parts)


def rows_of(source: str, metrics: Callable[[Meter], object], texts: Mapping[str, Text]) -> str:
    """One service's table. Raises ValueError."""
    found = {_name(family): family for family in families(metrics)}
    if found.keys() != texts.keys():
        odd = ", ".join(sorted(found.keys() ^ texts.keys()))
        raise ValueError(f"docs/pages/metric_texts.py and {source} do not have the same metrics: {odd}")
    rows = [
        [code(name), found[name].type, ", ".join(map(code, _labels(found[name]))), *texts[name]]
        for name in sorted(found)
    ]
    return table(["name", "type", "labels", "meaning", "when it is odd"], rows)


_SAMPLES: dict[str, object] = {
    "Callable[[], Mapping[str, int]]": lambda: {"audit": 1},
    "bool": True,
    "int": 1,
    "float": 0.1,
    "str": "sample",
    "Callable[[], int]": lambda: 1,
    "Callable[[], bool]": lambda: True,
    "object": "sample",
    "FlagKeeper": FlagKeeper(NoFlags(), None),
    "Decision": Decision(
        flag=ENABLE_CROSSOVER,
        variant=Variant.LEGACY,
        reason=Reason.DEFAULT,
        rule="default",
        config_version=0,
        context=Context(tenant="default"),
        argo=ArgoNode("argo", "nightly", "uid", "nightly.extract"),
        trace_id="nightly",
        decided_at=datetime(2026, 1, 1, tzinfo=UTC),
    ),
}


def families(metrics: Callable[[Meter], object]) -> list[Metric]:
    """A service's metrics as Prometheus sees them, after each was recorded once."""
    telemetry = build_telemetry("docs")
    for name, record in inspect.getmembers(metrics(telemetry.meter), inspect.ismethod):
        if not name.startswith("_"):
            parameters = inspect.signature(record).parameters.values()
            record(**{each.name: _SAMPLES[each.annotation] for each in parameters})
    collected = list(telemetry.registry.collect())
    telemetry.close()
    return [family for family in collected if family.name.startswith("crossover_")]


def _name(family: Metric) -> str:
    return family.name + ("_total" if family.type == "counter" else "")


def _labels(family: Metric) -> list[str]:
    return sorted({label for sample in family.samples for label in sample.labels} - {"le"})
