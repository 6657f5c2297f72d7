"""docs/metrics.md: what the bridge's metrics mean, and where to look when one is odd."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import NamedTuple

from prometheus_client.metrics_core import Metric

from bridge.metrics import Metrics
from crossover.telemetry import build_telemetry
from docs.pages.markdown import code, page, table


class Text(NamedTuple):
    meaning: str
    odd: str


TEXTS: dict[str, Text] = {
    "crossover_starts_total": Text(
        "Starts that were answered; `outcome` is `created` (a new run) or `attached` (the node had one).",
        "Many `attached`: step pods are lost and come back. See why (evictions, memory) before anything "
        "else.",
    ),
    "crossover_waiting_clients": Text(
        "Requests that wait for a run now.",
        "Far below the number of running steps: they cannot reach this replica, or are in an outage.",
    ),
    "crossover_watched_runs": Text(
        "Runs that are waited for now; `by` is `long poll` (noticed in milliseconds) or `sweep` (about a"
        " second).",
        "`sweep` above 0: `long_poll_limit` is reached. That is by design; raise it only with Temporal's"
        " limit.",
    ),
    "crossover_notify_latency_seconds": Text(
        "From a run's close, by Temporal's clock, to its waiting clients being answered.",
        "Above 2 s: Temporal's visibility lags, the sweep fails, or this replica's clock differs from "
        "Temporal's.",
    ),
    "crossover_temporal_calls_total": Text(
        "Calls to Temporal; `call` is the API's name, `outcome` is `OK`, `CONNECT` or gRPC's status.",
        "`RESOURCE_EXHAUSTED`: a limit of Temporal's is reached. `CONNECT`, `UNAVAILABLE`, `CANCELLED`: "
        "it is away or frozen. `PERMISSION_DENIED`: the bridge's own credential.",
    ),
    "crossover_errors_total": Text(
        "Answers that are problems; `kind` is one of [errors.md](errors.md).",
        "`internal` is a bug of ours: its log line has the traceback. `input-conflict`: a template changed "
        "its input between retries. `unauthenticated`: a token is unknown or was removed.",
    ),
}

INTRO = """\
`GET /metrics` serves these in Prometheus' text format, and `CROSSOVER_BRIDGE_OTLP_ENDPOINT` sends them by
OTLP as well. They are this replica's own: sum them over replicas."""


def render(texts: Mapping[str, Text] = TEXTS) -> str:
    """Raises ValueError when a metric has no text, or a text no metric."""
    found = {_name(family): family for family in families()}
    if found.keys() != texts.keys():
        odd = ", ".join(sorted(found.keys() ^ texts.keys()))
        raise ValueError(f"docs/pages/metrics.py and bridge/metrics.py do not have the same metrics: {odd}")
    rows = [
        [code(name), found[name].type, ", ".join(map(code, _labels(found[name]))), *texts[name]]
        for name in sorted(found)
    ]
    return page(
        "Metrics of the bridge",
        "bridge/metrics.py and docs/pages/metrics.py",
        INTRO,
        table(["name", "type", "labels", "meaning", "when it is odd"], rows),
    )


_SAMPLES: dict[str, object] = {"bool": True, "int": 1, "float": 0.1, "str": "sample"}


def families() -> list[Metric]:
    """The bridge's metrics as Prometheus sees them, after each was recorded once."""
    telemetry = build_telemetry("docs")
    for name, record in inspect.getmembers(Metrics(telemetry.meter), inspect.ismethod):
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
