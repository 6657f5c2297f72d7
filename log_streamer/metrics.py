"""What the log streamer counts, by OpenTelemetry's names for instruments."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation


class Metrics:
    """Counters are plain numbers that are read when someone asks: adding one costs nothing."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._opened: dict[bool, int] = {True: 0, False: 0}
        self._bytes = 0
        self._lines = 0
        self._late = 0
        self._gaps: dict[str, int] = {}
        self._ends: dict[str, int] = {}
        self._failures: dict[str, int] = {}
        self._counter(
            "crossover.logs.opened", "Logs opened, to follow them or to read what is there.", self._opens
        )
        self._counter(
            "crossover.logs.read", "Bytes read from logs.", lambda: [Observation(self._bytes)], "By"
        )
        self._counter("crossover.feed.lines", "Lines handed on to feeds.", lambda: [Observation(self._lines)])
        self._counter(
            "crossover.feed.late", "Lines handed on after newer ones.", lambda: [Observation(self._late)]
        )
        self._counter(
            "crossover.feed.gaps", "Gaps told to viewers, by reason.", lambda: _rows(self._gaps, "reason")
        )
        self._counter("crossover.feed.ends", "Streams ended, by reason.", lambda: _rows(self._ends, "reason"))
        self._counter(
            "crossover.requests.failed",
            "Requests refused or failed, by error.",
            lambda: _rows(self._failures, "error"),
        )

    def opened(self, follow: bool) -> None:
        self._opened[follow] += 1

    def read(self, size: int) -> None:
        self._bytes += size

    def handed_on(self, lines: int, late: int) -> None:
        self._lines += lines
        self._late += late

    def gap(self, reason: str) -> None:
        self._gaps[reason] = self._gaps.get(reason, 0) + 1

    def ended(self, reason: str) -> None:
        self._ends[reason] = self._ends.get(reason, 0) + 1

    def failed(self, kind: str) -> None:
        self._failures[kind] = self._failures.get(kind, 0) + 1

    def watch_follows(self, count: Callable[[], int]) -> None:
        self._gauge("crossover.logs.follows", "Logs that are followed now, one per container.", count)

    def watch_feeds(self, count: Callable[[], int]) -> None:
        self._gauge("crossover.feeds", "Traces that have a feed now.", count)

    def watch_streams(self, count: Callable[[], int]) -> None:
        self._gauge("crossover.streams", "Streams open to viewers now.", count)

    def _opens(self) -> list[Observation]:
        return [Observation(n, {"follow": str(how).lower()}) for how, n in self._opened.items()]

    def _counter(
        self, name: str, description: str, read: Callable[[], Iterable[Observation]], unit: str = "1"
    ) -> None:
        self._meter.create_observable_counter(name, [lambda _: read()], unit=unit, description=description)

    def _gauge(self, name: str, description: str, count: Callable[[], int]) -> None:
        def observe(_: CallbackOptions) -> Iterable[Observation]:
            return [Observation(count())]

        self._meter.create_observable_gauge(name, [observe], description=description)


def _rows(counts: dict[str, int], label: str) -> list[Observation]:
    return [Observation(number, {label: name}) for name, number in counts.items()]
