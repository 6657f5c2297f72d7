"""The bridge's metrics, by name. `docs/metrics.md` explains each to an operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from crossover.flags.decision import Decision
from crossover.stores.flag_keeper import FlagKeeper

Counts = Counter[tuple[str, ...]]


class Metrics:
    """Counts are plain numbers that OpenTelemetry reads when it exports: its own counters would cost each
    start more than building the run's view does."""

    def __init__(self, meter: Meter) -> None:
        self._starts: Counts = Counter()
        self._calls: Counts = Counter()
        self._errors: Counts = Counter()
        self._waiting: Counts = Counter({(): 0})
        self._watched: Counts = Counter({("long poll",): 0, ("sweep",): 0})
        meter.create_observable_counter(
            "crossover_starts", [_read(self._starts, "outcome")], description="Runs started, and attached to."
        )
        meter.create_observable_counter(
            "crossover_temporal_calls",
            [_read(self._calls, "call", "outcome")],
            description="Temporal calls by name.",
        )
        meter.create_observable_counter(
            "crossover_errors",
            [_read(self._errors, "kind")],
            description="Refused or failed requests, by kind.",
        )
        meter.create_observable_up_down_counter(
            "crossover_waiting_clients", [_read(self._waiting)], description="Waiting clients."
        )
        meter.create_observable_up_down_counter(
            "crossover_watched_runs",
            [_read(self._watched, "by")],
            description="Runs that are waited for, by how they are watched.",
        )
        self._notify = meter.create_histogram(
            "crossover_notify_latency",
            unit="s",
            description="From a run's close in Temporal to its waiting clients being answered.",
            explicit_bucket_boundaries_advisory=[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 15],
        )

        self._approvals: Counts = Counter()
        meter.create_observable_counter(
            "crossover_approvals",
            [_read(self._approvals, "state")],
            description="Approvals asked for (requested), and how they ended.",
        )
        self._decisions: Counts = Counter()
        meter.create_observable_counter(
            "crossover_decisions",
            [_read(self._decisions, "flag", "variant", "reason")],
            description="Nodes decided, by variant and reason.",
        )
        self._meter = meter

    def approval(self, state: str) -> None:
        self._approvals[state,] += 1

    def decided(self, decision: Decision) -> None:
        self._decisions[decision.flag, decision.variant.value, decision.reason.value] += 1

    def watch_flags(self, keeper: FlagKeeper) -> None:
        """Reports which version is in force here, and whether it is the store's."""

        def version(_: CallbackOptions) -> Iterable[Observation]:
            yield Observation(keeper.current.number if keeper.current else 0)

        def unsure(_: CallbackOptions) -> Iterable[Observation]:
            for state in ("stale", "refused"):
                yield Observation(int(keeper.status.state == state), {"state": state})

        self._meter.create_observable_gauge(
            "crossover_flags_version", [version], description="Version of the flag document in force."
        )
        self._meter.create_observable_gauge(
            "crossover_flags_not_fresh",
            [unsure],
            description="1 while the flags in force are not known to be the store's.",
        )

    def watch_writes(
        self, unwritten: Callable[[], Mapping[str, int]], lost: Callable[[], Mapping[str, int]]
    ) -> None:
        """Reports what waits for a store that is away, and what was given up."""
        self._meter.create_observable_up_down_counter(
            "crossover_unwritten", [_by_store(unwritten)], description="Entries that wait for their store."
        )
        self._meter.create_observable_counter(
            "crossover_lost", [_by_store(lost)], description="Entries that their store never got."
        )

    def started(self, *, created: bool) -> None:
        self._starts["created" if created else "attached",] += 1

    def waiting(self, change: int) -> None:
        self._waiting[()] += change

    def watched(self, change: int, *, by: str) -> None:
        self._watched[by,] += change

    def notified(self, seconds: float) -> None:
        self._notify.record(max(0.0, seconds))

    def called(self, name: str, outcome: str) -> None:
        self._calls[name, outcome] += 1

    def failed(self, kind: str) -> None:
        self._errors[kind,] += 1


def _by_store(read: Callable[[], Mapping[str, int]]) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _: [Observation(count, {"store": store}) for store, count in read().items()]


def _read(counts: Counts, *labels: str) -> Callable[[CallbackOptions], Iterable[Observation]]:
    """A callback that gives each count with its labels."""

    def observe(_: CallbackOptions) -> Iterable[Observation]:
        items = list(counts.items())  # a copy: exporters read from a thread of their own
        return [Observation(count, dict(zip(labels, values, strict=True))) for values, count in items]

    return observe
