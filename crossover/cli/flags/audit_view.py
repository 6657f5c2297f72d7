"""The audit for people. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from crossover.cli.flags.screen import Cell, Screen, Tone, clock

Json = dict[str, Any]


def entries(screen: Screen, found: Iterable[Json]) -> Iterator[str]:
    """A line for each entry; below it what it changed, where that is told."""
    words = ("WHEN", "TENANT", "WHO", "ACTION", "OUTCOME", "SUBJECT AND REASON")
    rows: list[tuple[Cell, ...]] = [tuple(Cell(word, Tone.FAINT) for word in words)]
    for entry in found:
        rows.append(_entry(entry))
        if change := _change(entry):
            rows.append((*(Cell("") for _ in words[1:]), Cell(change, Tone.FAINT)))
    yield from screen.rows(rows)


def _entry(entry: Json) -> tuple[Cell, ...]:
    why = f": {entry['why']}" if entry["why"] else ""
    return (
        Cell(clock(entry["at"]), Tone.FAINT),
        Cell("all" if entry["tenant"] == "*" else entry["tenant"]),
        Cell(entry["who"], Tone.NAME),
        Cell(entry["action"], Tone.BOLD),
        Cell(entry["outcome"], Tone.PLAIN if entry["outcome"] == "done" else Tone.WARN),
        Cell(f"{entry['subject']}{why}"),
    )


def _change(entry: Json) -> str:
    before, after = entry["before"], entry["after"]
    if before is None and after is None:
        return ""
    return f"{_brief(before)} → {_brief(after)}"


def _brief(value: Any) -> str:
    if isinstance(value, dict) and "version" in value:
        return f"version {value['version']}"
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)


def verdict(screen: Screen, found: Json) -> Iterator[str]:
    if found["intact"]:
        yield screen.paint("✔ intact: every entry is as it was written", Tone.GOOD)
        return
    yield screen.paint(f"✖ {len(found['problems'])} problems", Tone.ALARM)
    yield from screen.rows(((Cell("-"), Cell(problem)) for problem in found["problems"]), indent=2)
