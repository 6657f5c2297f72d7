"""What a change did or would do, and what others did before it. Pure."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from crossover.cli.flags.flag_view import names
from crossover.cli.flags.screen import Cell, Screen, Tone, clock, where

Json = dict[str, Any]
CONTEXT = 5
"""Unchanged lines of a diff around what changed: enough to see which flag it is."""


def changed(screen: Screen, answer: Json, *, dry_run: bool) -> Iterator[str]:
    """The new version, which tenants go another way, and which rules can never decide."""
    version = answer["version"]
    if version is not None:
        change = version["change"]
        head = screen.paint(f"✔ version {version['number']}", Tone.GOOD)
        told = f"· {change['action']} by {change['who']}: {change['why']}"
        yield f"{head} {screen.paint(told, Tone.FAINT)}"
    elif dry_run:
        yield screen.paint("Dry run: nothing has changed.", Tone.WARN)
    else:
        yield "Nothing to do: the flags say so already."
        return
    yield from consequences(screen, answer, would=dry_run)


def consequences(screen: Screen, answer: Json, *, would: bool) -> Iterator[str]:
    """Which tenants go another way, and which rules can never decide."""
    yield from moved(screen, answer["effects"], would=would)
    for sentence in answer["shadowed"]:
        yield from screen.rows([(Cell("warning", Tone.WARN), Cell(sentence))])


def moved(screen: Screen, effects: list[Json], *, would: bool) -> Iterator[str]:
    """Tenants that go another way, those alike in one line."""
    if not effects:
        yield f"No known tenant {'would go' if would else 'goes'} another way."
        return
    alike: dict[tuple[str, str, str, str], list[str]] = {}
    for effect in effects:
        way = (effect["flag"], effect["before"], effect["after"], where(effect["where"]))
        alike.setdefault(way, []).append(effect["tenant"])
    count = len({effect["tenant"] for effect in effects})
    verb = ("would go" if would else "goes") if count == 1 else ("would go" if would else "go")
    yield f"{count} known tenant{'' if count == 1 else 's'} {verb} another way:"
    yield from screen.rows((_way(*way, tenants) for way, tenants in alike.items()), indent=2)


def _way(flag: str, before: str, after: str, told: str, tenants: list[str]) -> tuple[Cell, ...]:
    tone = {"crossover": Tone.GOOD, "shadow": Tone.WARN}.get(after, Tone.BOLD)
    return Cell(flag, Tone.NAME), Cell(f"{before} → {after}", tone), Cell(f"{names(tenants)} {told}".rstrip())


def history(screen: Screen, versions: Iterable[Json]) -> Iterator[str]:
    """A line for each version: number, when, who, what, why."""
    head = tuple(Cell(word, Tone.FAINT) for word in ("VERSION", "WHEN", "", "WHO", "ACTION", "WHY"))
    yield from screen.rows([head, *(_version(screen, version) for version in versions)])


def _version(screen: Screen, version: Json) -> tuple[Cell, ...]:
    change = version["change"]
    tone = Tone.ALARM if change["action"] == "kill" else Tone.PLAIN
    return (
        Cell(str(version["number"]), Tone.BOLD),
        Cell(clock(change["at"]), Tone.FAINT),
        Cell(screen.ago(change["at"])),
        Cell(change["who"], Tone.NAME),
        Cell(change["action"], tone),
        Cell(change["why"]),
    )


def diff(screen: Screen, old: Json, new: Json, title: str = "") -> Iterator[str]:
    """A unified diff of two versions' documents, as YAML; nothing where they say the same."""
    before, after = as_yaml(old["document"]), as_yaml(new["document"])
    lines = difflib.unified_diff(before, after, _title(old), title or _title(new), n=CONTEXT, lineterm="")
    for line in lines:
        yield screen.paint(line, _tone(line))


def changed_places(screen: Screen, old: Json, new: Json) -> Iterator[str]:
    """`+ flags.enable_crossover.kill: true`: only what changed, each with its place."""
    before, after = dict(_places("", old["document"])), dict(_places("", new["document"]))
    for place in dict.fromkeys((*before, *after)):
        if before.get(place) != after.get(place):
            if place in before and not _within(place, after):
                yield screen.paint(f"- {place}: {before[place]}", Tone.BAD)
            if place in after and not _within(place, before):
                yield screen.paint(f"+ {place}: {after[place]}", Tone.GOOD)


def _within(place: str, others: Iterable[str]) -> bool:
    """Whether what is empty at `place` on one side holds something on the other: that tells enough."""
    return any(other.startswith((f"{place}.", f"{place}[")) for other in others)


def _places(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _places(f"{path}.{key}".lstrip("."), inner)
    elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
        for at, inner in enumerate(value):
            yield from _places(f"{path}[{at}]", inner)
    else:
        yield path, json.dumps(value, ensure_ascii=False)


def _title(version: Json) -> str:
    change = version.get("change")
    if not change:
        return "no flags"
    return f"version {version['number']}, {change['action']} by {change['who']}: {change['why']}"


def as_yaml(document: Json) -> list[str]:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).splitlines() if document else []


def _tone(line: str) -> Tone:
    if line.startswith(("---", "+++")):
        return Tone.BOLD
    return {"+": Tone.GOOD, "-": Tone.BAD, "@": Tone.NAME}.get(line[:1], Tone.PLAIN)
