"""A flag document for people: all flags in a table, or one flag rule by rule. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crossover.cli.flags.screen import Cell, Screen, Tone, percent, where

Json = dict[str, Any]

NAMES = 8
"""Tenants that a rule names before it only counts the rest."""

PLAN_TONES = {"running": Tone.GOOD, "paused": Tone.WARN, "halted": Tone.ALARM, "completed": Tone.FAINT}


def version_line(screen: Screen, version: Json) -> str:
    """Which version it is, who made it, when and why."""
    change = version.get("change")
    if not change:
        return screen.paint("No flags have been written yet: everything is legacy.", Tone.WARN)
    head = screen.paint(f"version {version['number']}", Tone.BOLD)
    return f"{head} {screen.paint(f'· {_made(screen, change)}', Tone.FAINT)}"


def _made(screen: Screen, change: Json) -> str:
    return f"{change['action']} by {change['who']}, {screen.ago(change['at'])}: {change['why']}"


def killed_line(screen: Screen) -> str:
    return screen.paint("KILL SWITCH OF ALL FLAGS IS ON: everything new is legacy", Tone.ALARM)


def document(screen: Screen, version: Json) -> Iterator[str]:
    """Every flag in a line for each of its rollouts."""
    yield version_line(screen, version)
    found = version["document"]
    if found.get("kill"):
        yield killed_line(screen)
    if not (flags := found.get("flags", {})):
        return
    yield ""
    head = tuple(Cell(word, Tone.FAINT) for word in ("FLAG", "KILL", "DENY", "ALLOW", "ROLLOUT"))
    yield from screen.rows([head, *(row for name, flag in flags.items() for row in _summary(name, flag))])


def _summary(name: str, flag: Json) -> Iterator[tuple[Cell, ...]]:
    splits = [_one_line(split) for split in flag.get("rollout", ())] or [Cell("legacy")]
    kill = Cell("ON", Tone.ALARM) if flag.get("kill") else Cell("-", Tone.FAINT)
    counts = (_count(flag.get("deny", ())), _count(flag.get("allow", ())))
    yield (Cell(name, Tone.NAME), kill, *counts, splits[0])
    for split in splits[1:]:
        yield (Cell(""), Cell(""), Cell(""), Cell(""), split)


def _count(rules: Any) -> Cell:
    tenants = {tenant for rule in rules for tenant in rule["tenants"]}
    return Cell(str(len(tenants))) if tenants else Cell("-", Tone.FAINT)


def _one_line(split: Json) -> Cell:
    parts = [shares(split), where(split.get("when"))]
    if plan := split.get("plan"):
        parts.append(f"[plan {plan_place(plan)}]")
    tone = PLAN_TONES[status_of(plan)] if plan and status_of(plan) in ("paused", "halted") else Tone.PLAIN
    return Cell(" ".join(part for part in parts if part), tone)


def flag(screen: Screen, name: str, found: Json, version: Json) -> Iterator[str]:
    """One flag: its rules in the order in which they are asked."""
    yield f"{screen.paint(name, Tone.NAME)}  {version_line(screen, version)}"
    if description := found.get("description"):
        yield screen.paint(description, Tone.FAINT)
    if version["document"].get("kill"):
        yield killed_line(screen)
    yield from screen.rows(_rules(found), indent=2)


def _rules(found: Json) -> Iterator[tuple[Cell, ...]]:
    on = found.get("kill")
    yield Cell("kill", Tone.FAINT), Cell("ON", Tone.ALARM) if on else Cell("off"), Cell("")
    for at, rule in enumerate(found.get("deny", ())):
        yield Cell(f"deny[{at}]", Tone.FAINT), Cell("legacy"), Cell(_named(rule))
    for at, rule in enumerate(found.get("allow", ())):
        variant = rule.get("variant", "crossover")
        yield Cell(f"allow[{at}]", Tone.FAINT), Cell(variant, Tone.GOOD), Cell(_named(rule))
    for at, split in enumerate(found.get("rollout", ())):
        label = Cell(f"rollout[{at}]", Tone.FAINT)
        yield label, Cell(shares(split)), Cell(where(split.get("when")) or "everywhere else")
        if plan := split.get("plan"):
            tone = PLAN_TONES.get(status_of(plan), Tone.PLAIN)
            yield Cell(""), Cell("plan", Tone.FAINT), Cell(plan_place(plan), tone)
            if note := plan.get("note"):
                yield Cell(""), Cell(""), Cell(note, Tone.FAINT)
    yield Cell("default", Tone.FAINT), Cell("legacy"), Cell("")


def _named(rule: Json) -> str:
    return f"{names(rule['tenants'])} {where(rule.get('when'))}".rstrip()


def names(tenants: list[str]) -> str:
    """`acme, beta and 98 more`."""
    if len(tenants) <= NAMES:
        return ", ".join(tenants)
    return f"{', '.join(tenants[:NAMES])} and {len(tenants) - NAMES} more"


def shares(split: Json) -> str:
    """`25 % crossover, 10 % shadow`; what is left is legacy."""
    sides = [(split.get(side, 0), side) for side in ("crossover", "shadow")]
    return ", ".join(f"{percent(share)} {side}" for share, side in sides if share) or "0 % crossover"


def status_of(plan: Json) -> str:
    return str(plan.get("status", "running"))


def plan_place(plan: Json) -> str:
    """`running, step 2 of 4`."""
    if status_of(plan) == "completed":
        return f"completed, all {len(plan['steps'])} steps"
    return f"{status_of(plan)}, step {plan.get('step', 0) + 1} of {len(plan['steps'])}"
