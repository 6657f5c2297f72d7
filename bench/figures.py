"""A measured figure, its goal and its peer; and the file that keeps all of them."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """`goal` is `<= N`, `>= N` or empty. `peer` says what was measured beside it.

    `ratio` is value / peer_value.
    """

    name: str
    value: float
    unit: str
    goal: str
    peer: str
    peer_value: float | None = None
    ratio: float | None = None

    @property
    def met(self) -> bool:
        if not self.goal:
            return True
        sign, number = self.goal.split()
        return self.value <= float(number) if sign == "<=" else self.value >= float(number)


def figure(
    name: str, value: float, unit: str, goal: str, *, peer: str = "none", peer_value: float | None = None
) -> Figure:
    beside = None if peer_value is None else _round(peer_value)
    return Figure(name, _round(value), unit, goal, peer, beside, _round(value / beside) if beside else None)


def _round(value: float) -> float:
    return float(f"{value:.4g}")


def percentile(values: list[float], share: float) -> float:
    """The nearest-rank percentile; `share` is between 0 and 1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def save(figures: list[Figure]) -> None:
    """Replaces figures of the same names and keeps all others."""
    kept = json.loads(RESULTS.read_text())["figures"] if RESULTS.exists() else []
    new = {each.name: asdict(each) for each in figures}
    merged = {each["name"]: each for each in kept} | new
    document = {
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}",
        "date": datetime.now(UTC).date().isoformat(),
        "figures": [merged[name] for name in sorted(merged)],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


def show(figures: list[Figure]) -> None:
    for each in figures:
        mark = "ok  " if each.met else "MISS"
        peer = f"   {each.peer}: {each.peer_value:g}" if each.peer_value is not None else ""
        print(
            f"{mark} {each.name:<28} {each.value:>10g} {each.unit:<8} goal {each.goal or '-'}{peer}",
            flush=True,
        )
