"""The agent's metrics, by name. `docs/metrics.md` explains each to an operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

Counts = Counter[str]


class AgentMetrics:
    """Plain numbers that OpenTelemetry reads when it exports."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self.waiting = 0
        self._starts: Counts = Counter()
        self._patches: Counts = Counter()
        self._restarts: Counts = Counter()
        self._cancels: Counts = Counter()
        meter.create_observable_gauge(
            "crossover_agent_tasks",
            [lambda _: [Observation(self.waiting)]],
            description="Tasks that are being worked on.",
        )
        self._counter("starts", self._starts, "outcome", "Tasks taken up, by how that ended.")
        self._counter("patches", self._patches, "outcome", "Patches of TaskSets, by how they ended.")
        self._counter("cancels", self._cancels, "by", "Runs cancelled, by how it was noticed.")
        self._counter("watch_restarts", self._restarts, "reason", "Watches begun anew.")
        self._latency = meter.create_histogram(
            "crossover_agent_patch_latency",
            unit="s",
            description="From a node's result to the API server having it.",
            explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15, 60],
        )

    def watch_leading(self, leading: Callable[[], bool]) -> None:
        self._meter.create_observable_gauge(
            "crossover_agent_leading",
            [lambda _: [Observation(int(leading()))]],
            description="1 while this replica is the one that acts.",
        )

    def work_ended(self) -> None:
        self.waiting -= 1

    def started(self, outcome: str) -> None:
        self._starts[outcome] += 1

    def patched(self, outcome: str) -> None:
        self._patches[outcome] += 1

    def written(self, seconds: float) -> None:
        self._latency.record(seconds)

    def cancelled(self, by: str) -> None:
        self._cancels[by] += 1

    def restarted(self, reason: str) -> None:
        self._restarts[reason] += 1

    def _counter(self, name: str, counts: Counts, label: str, description: str) -> None:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(count, {label: value}) for value, count in list(counts.items())]

        self._meter.create_observable_counter(f"crossover_agent_{name}", [observe], description=description)
