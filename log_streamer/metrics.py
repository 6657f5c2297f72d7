"""The log streamer's metrics, by name. `docs/metrics.md` explains each to an operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

Counts = Counter[tuple[str, ...]]


class Metrics:
    """Counts are plain numbers that OpenTelemetry reads when it exports: counting lines must cost nothing."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._opened: Counts = Counter({("true",): 0, ("false",): 0})
        self._read: Counts = Counter({(): 0})
        self._lines: Counts = Counter({(): 0})
        self._late: Counts = Counter({(): 0})
        self._gaps: Counts = Counter()
        self._ends: Counts = Counter()
        self._errors: Counts = Counter()
        self._count("crossover_logs_opened", self._opened, "follow", of="Logs opened.")
        self._count("crossover_logs_read_bytes", self._read, of="Bytes read from logs.")
        self._count("crossover_feed_lines", self._lines, of="Lines handed on to feeds.")
        self._count("crossover_feed_late_lines", self._late, of="Lines handed on after newer ones.")
        self._count("crossover_feed_gaps", self._gaps, "reason", of="Gaps that follows told of.")
        self._count("crossover_stream_ends", self._ends, "reason", of="Streams that ended.")
        self._count("crossover_errors", self._errors, "kind", of="Refused or failed requests.")

    def opened(self, follow: bool) -> None:
        self._opened[str(follow).lower(),] += 1

    def read(self, size: int) -> None:
        self._read[()] += size

    def handed_on(self, lines: int, late: int) -> None:
        self._lines[()] += lines
        self._late[()] += late

    def gap(self, reason: str) -> None:
        self._gaps[reason,] += 1

    def ended(self, reason: str) -> None:
        self._ends[reason,] += 1

    def failed(self, kind: str) -> None:
        self._errors[kind,] += 1

    def watch_follows(self, count: Callable[[], int]) -> None:
        self._gauge("crossover_follows", "Logs that are followed now, one follow per container.", count)

    def watch_feeds(self, count: Callable[[], int]) -> None:
        self._gauge("crossover_feeds", "Traces that have a feed now.", count)

    def watch_streams(self, count: Callable[[], int]) -> None:
        self._gauge("crossover_streams", "Streams open to viewers now.", count)

    def _count(self, name: str, counts: Counts, *labels: str, of: str) -> None:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(n, dict(zip(labels, key, strict=True))) for key, n in counts.items()]

        self._meter.create_observable_counter(name, [observe], description=of)

    def _gauge(self, name: str, description: str, count: Callable[[], int]) -> None:
        self._meter.create_observable_up_down_counter(
            name, [lambda _: [Observation(count())]], description=description
        )
