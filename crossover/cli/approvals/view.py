"""Approvals for people: a table, and one with all that was said. Pure: JSON in, lines out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from crossover.cli.flags.screen import Cell, Screen, Tone, clock, moment_of
from crossover.contract.durations import format_duration

Json = dict[str, Any]

TONES = {
    "pending": Tone.WARN,
    "approved": Tone.GOOD,
    "rejected": Tone.BAD,
    "expired": Tone.FAINT,
    "withdrawn": Tone.FAINT,
}


def table(screen: Screen, approvals: Iterable[Json]) -> Iterator[str]:
    """One line each; ids whole, since they are what one copies."""
    heads = [Cell(word.upper(), Tone.FAINT) for word in ("id", "state", "asked by", "when", "title")]
    rows = [
        [
            Cell(each["id"], Tone.NAME),
            state(each),
            Cell(each["requested_by"]),
            Cell(moment(screen, each)),
            Cell(each["title"]),
        ]
        for each in approvals
    ]
    yield from screen.rows([heads, *rows])


def state(approval: Json) -> Cell:
    return Cell(approval["state"], TONES.get(approval["state"], Tone.PLAIN))


def moment(screen: Screen, approval: Json) -> str:
    """`expires in 3h20m` for what is open, else when it was closed."""
    if approval["state"] != "pending":
        return screen.ago(approval["closed_at"])
    expires = moment_of(approval["expires_at"])
    left = (expires - screen.now).total_seconds() if expires else 0
    return f"expires in {format_duration(left)}" if left > 0 else "expiring"


def whole(screen: Screen, approval: Json) -> Iterator[str]:
    """Title, description and details, who asked, what waits, and how it ended."""
    yield f"{screen.paint(approval['title'], Tone.BOLD)}"
    for line in str(approval["description"]).splitlines():
        yield f"  {screen.paint(line)}"
    yield ""
    yield from screen.rows([(Cell(name, Tone.FAINT), cell) for name, cell in _facts(screen, approval)])
    if approval["details"]:
        yield ""
        for line in json.dumps(approval["details"], indent=2, ensure_ascii=False).splitlines():
            yield f"  {screen.paint(line)}"


def _facts(screen: Screen, approval: Json) -> Iterator[tuple[str, Cell]]:
    yield "id", Cell(approval["id"], Tone.NAME)
    yield "state", Cell(f"{approval['state']} ({moment(screen, approval)})", state(approval).tone)
    if approval["decided_by"]:
        yield "decided by", Cell(approval["decided_by"])
    if approval["reason"]:
        yield "reason", Cell(approval["reason"])
    asked = f"{approval['requested_by']}, {screen.ago(approval['created_at'])}"
    yield "asked by", Cell(asked)
    if approval["starter"] != approval["requested_by"]:
        yield "through", Cell(approval["starter"])
    if approval["state"] == "pending":
        yield "expires", Cell(clock(approval["expires_at"]))
    if approval["four_eyes"]:
        yield "four eyes", Cell("whoever started the work may not approve it")
    yield from _waiting(approval)


def _waiting(approval: Json) -> Iterator[tuple[str, Cell]]:
    node, run, links = approval["argo"], approval["run"], approval["links"]
    if node:
        yield "workflow", Cell(f"{node['namespace']}/{node['workflow']}")
    if run:
        yield "run", Cell(f"{run['id']} (signal {run['signal']})")
    yield from ((name, Cell(links[name])) for name in ("argo", "logs") if links[name])
