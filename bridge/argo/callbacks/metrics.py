"""The callbacks' metrics, by name. `docs/metrics.md` explains each to an operator."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

Counts = Counter[str]


class CallbackMetrics:
    """Plain numbers that OpenTelemetry reads when it exports."""

    def __init__(self, meter: Meter) -> None:
        self._counts: Counts = Counter()
        self._cancels: Counts = Counter()
        self._owed: dict[object, float] = {}
        meter.create_observable_counter(
            "crossover_callbacks",
            [_read(self._counts, "outcome")],
            description="Deliveries to suspend nodes, by what came of them.",
        )
        meter.create_observable_counter(
            "crossover_orphans_cancelled",
            [_read(self._cancels, "mode")],
            description="Runs cancelled because Argo has given up their node.",
        )
        meter.create_observable_up_down_counter(
            "crossover_callbacks_owed",
            [lambda _: [Observation(len(self._owed))]],
            description="Runs that are over, and whose suspend node is not completed yet.",
        )
        meter.create_observable_gauge(
            "crossover_callbacks_oldest_owed",
            [lambda _: [Observation(self.oldest_owed)]],
            unit="s",
            description="For how long the oldest of them has been tried.",
        )
        self._latency = meter.create_histogram(
            "crossover_callback_latency",
            unit="s",
            description="From a run's close, by Temporal's clock, to its suspend node being completed.",
            explicit_bucket_boundaries_advisory=[0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60, 600],
        )

    @property
    def oldest_owed(self) -> float:
        """Seconds; 0 while nothing is owed."""
        now = time.monotonic()
        return max((now - since for since in list(self._owed.values())), default=0.0)

    def owes(self, what: object) -> None:
        self._owed.setdefault(what, time.monotonic())

    def owes_no_more(self, what: object) -> None:
        self._owed.pop(what, None)

    def counted(self, outcome: str) -> None:
        """`delivered`, `already` (others were quicker), `over` (the workflow), `retried`, or `denied`."""
        self._counts[outcome] += 1

    def completed(self, seconds: float) -> None:
        self._latency.record(max(0.0, seconds))

    def cancelled(self, mode: str) -> None:
        self._cancels[mode] += 1


def _read(counts: Counts, label: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    def observe(_: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, {label: value}) for value, count in list(counts.items())]

    return observe
