"""docs/metrics.md: what the services' metrics mean, and where to look when one is odd."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from opentelemetry.metrics import Meter
from prometheus_client.metrics_core import Metric

from bridge.metrics import Metrics as BridgeMetrics
from crossover.contract.run import ArgoNode
from crossover.flags.decision import Decision
from crossover.flags.model import ENABLE_CROSSOVER, Context, Reason, Variant
from crossover.stores.flag_keeper import FlagKeeper
from crossover.stores.no_stores import NoFlags
from crossover.telemetry import build_telemetry
from docs.pages.markdown import code, page, table
from log_streamer.metrics import Metrics as LogStreamerMetrics


class Text(NamedTuple):
    meaning: str
    odd: str


BRIDGE: dict[str, Text] = {
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
    "crossover_decisions_total": Text(
        "Nodes decided; each counts once, however often it is asked about. `reason` is OpenFeature's.",
        "`ERROR`: Temporal was away, so nodes that the flags would have put on it are legacy. `DEFAULT`: no "
        "rule decides, or there is no such flag.",
    ),
    "crossover_flags_version": Text(
        "Version of the flag document that is in force on this replica; 0 is none.",
        "Replicas differ for more than a few seconds: one cannot read the store, or refuses what it holds.",
    ),
    "crossover_flags_not_fresh": Text(
        "1 while the flags in force are not known to be the store's; `state` is `stale` (it cannot be read) "
        "or `refused` (it holds something that does not follow from them).",
        "`refused` waits for your word: `GET /v1/flag-store` says what is wrong. See "
        "[flags.md](flags.md#when-something-is-away).",
    ),
    "crossover_unwritten": Text(
        "Entries that wait for a store that is away; `store` is `decisions`, `outcomes` or `audit`.",
        "It grows while Redis is away and falls to 0 when it is back. If it does not fall, the log says what "
        "Redis refuses.",
    ),
    "crossover_lost_total": Text(
        "Entries that their store never got; for `decisions`: nodes that two replicas decided differently "
        "in an outage.",
        "`outcomes` and `audit`: an outage outlasted what a replica keeps; the audit's lines are still on "
        "standard output. `decisions`: the log names the nodes.",
    ),
    "crossover_errors_total": Text(
        "Answers that are problems; `kind` is one of [errors.md](errors.md).",
        "`internal` is a bug of ours: its log line has the traceback. `input-conflict`: a template changed "
        "its input between retries. `decision-conflict`: a step's decision is not the one that holds for its "
        "node. `unauthenticated`: a token is unknown or was removed.",
    ),
}

LOG_STREAMER: dict[str, Text] = {
    "crossover_streams": Text(
        "Streams open to viewers of this replica now.",
        "Near the sum that `streams_per_cluster` allows: viewers are about to be refused (429).",
    ),
    "crossover_feeds": Text(
        "Traces that have a feed now: those with viewers, and those that lost their last one a while ago.",
        "More than streams for long: viewers come and go, each time for another trace.",
    ),
    "crossover_follows": Text(
        "Logs that are followed now, one per container, however many viewers there are.",
        "Much more than pods have containers: it cannot be; tell us.",
    ),
    "crossover_logs_opened_total": Text(
        "Logs opened; `follow` is `false` for reads of the past (downloads, and viewers who join late).",
        "`true` grows while `crossover_follows` does not: something cuts follows (a load balancer?).",
    ),
    "crossover_logs_read_bytes_total": Text(
        "Bytes read from logs: what this replica costs the API server and the kubelets.",
        "Far above what viewers get: worker pods write much for other traces. That is by design.",
    ),
    "crossover_feed_lines_total": Text("Lines handed on to feeds.", "It stands still while pods write."),
    "crossover_feed_late_lines_total": Text(
        "Lines that came after newer ones had been handed on; they are marked `late`.",
        "More than a few in a thousand: clocks of nodes differ by more than `window`, or the API is slow.",
    ),
    "crossover_feed_gaps_total": Text(
        "Times that continuity could not be proven; `reason` is the gap event's.",
        "`rotated`: logs are rotated faster than they are read again after a cut. `unreadable`: a right is "
        "missing; the gap's `detail` says which.",
    ),
    "crossover_stream_ends_total": Text(
        "Streams that ended; `reason` is the end event's, or `hung_up` where the viewer left.",
        "`too_slow`: viewers' networks. `line_cap`: traces are chatty; see `max_lines`, and filters.",
    ),
    "crossover_errors_total": Text(
        "Answers that are problems; `kind` is one of [errors.md](errors.md).",
        "`busy`: a limit of streams is reached. `internal` is a bug of ours: its log line has the traceback.",
    ),
}

INTRO = """\
`GET /metrics` serves these in Prometheus' text format, and each service's `OTLP_ENDPOINT` setting sends them
by OTLP as well. They are one replica's own: sum them over replicas."""

SERVICES = {
    "The bridge": ("bridge/metrics.py", BridgeMetrics, BRIDGE),
    "The log streamer": ("log_streamer/metrics.py", LogStreamerMetrics, LOG_STREAMER),
}


def render() -> str:
    """Raises ValueError when a metric has no text, or a text no metric."""
    sources = " and ".join(source for source, _, _ in SERVICES.values())
    parts = [
        part
        for title, (source, metrics, texts) in SERVICES.items()
        for part in (f"## {title}", rows_of(source, metrics, texts))
    ]
    return page("Metrics", f"{sources} and docs/pages/metrics.py", INTRO, *parts)


def rows_of(source: str, metrics: Callable[[Meter], object], texts: Mapping[str, Text]) -> str:
    """One service's table. Raises ValueError."""
    found = {_name(family): family for family in families(metrics)}
    if found.keys() != texts.keys():
        odd = ", ".join(sorted(found.keys() ^ texts.keys()))
        raise ValueError(f"docs/pages/metrics.py and {source} do not have the same metrics: {odd}")
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
