"""The bridge's metrics, by name. `docs/metrics.md` explains each to an operator."""

from __future__ import annotations

from opentelemetry.metrics import Meter


class Metrics:
    """Instruments are made once; recording one costs microseconds."""

    def __init__(self, meter: Meter) -> None:
        self._starts = meter.create_counter("crossover_starts", description="Runs started, and attached to.")
        self._waiting = meter.create_up_down_counter(
            "crossover_waiting_clients", description="Waiting clients."
        )
        self._watched = meter.create_up_down_counter(
            "crossover_watched_runs", description="Runs that are waited for, by how they are watched."
        )
        self._notify = meter.create_histogram(
            "crossover_notify_latency",
            unit="s",
            description="From a run's close in Temporal to its waiting clients being answered.",
            explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15],
        )
        self._calls = meter.create_counter("crossover_temporal_calls", description="Temporal calls by name.")
        self._errors = meter.create_counter(
            "crossover_errors", description="Refused or failed requests, by kind."
        )

    def started(self, *, created: bool) -> None:
        self._starts.add(1, {"outcome": "created" if created else "attached"})

    def waiting(self, change: int) -> None:
        self._waiting.add(change)

    def watched(self, change: int, *, by: str) -> None:
        self._watched.add(change, {"by": by})

    def notified(self, seconds: float) -> None:
        self._notify.record(max(0.0, seconds))

    def called(self, name: str, outcome: str) -> None:
        self._calls.add(1, {"call": name, "outcome": outcome})

    def failed(self, kind: str) -> None:
        self._errors.add(1, {"kind": kind})
