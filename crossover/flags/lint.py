"""Rules that are written but can never decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from crossover.flags.ground import Ground, Held
from crossover.flags.model import Document, Flag
from crossover.flags.region import DIMENSIONS, Region, Words
from crossover.flags.rules import naming


@dataclass(frozen=True, slots=True)
class _Finding:
    """Of the rule at `place`, what `part` says (all of it: empty) is taken by the rules at `by`."""

    place: str
    part: str
    by: tuple[str, ...]


def shadowed(document: Document) -> list[str]:
    """A sentence for every rule, or tenant or word of one, that can never decide, naming what decides first.

    Kill switches are left aside: silencing every rule is what they are for.
    """
    return [sentence for name, flag in document.flags.items() for sentence in _of_flag(name, flag)]


def _of_flag(name: str, flag: Flag) -> list[str]:
    ground = Ground(name, flag)
    whole = {place: frozenset(rule.tenants) for place, rule, _ in naming(flag)}
    found: dict[_Finding, list[str]] = {}
    for key, tenants in _alike(ground).items():
        for finding in _findings(ground.held(key)):
            if finding.place in whole:
                found.setdefault(finding, []).extend(tenants)
    for finding in _findings(ground.held(())):
        found[finding] = []
    places = [*whole, *(f"rollout[{at}]" for at in range(len(flag.rollout)))]
    ordered = sorted(found, key=lambda finding: places.index(finding.place))
    return [_sentence(name, finding, found[finding], whole) for finding in ordered]


def _alike(ground: Ground) -> dict[tuple[int, ...], list[str]]:
    groups: dict[tuple[int, ...], list[str]] = {}
    for tenant in ground.tenants:
        groups.setdefault(ground.key(tenant), []).append(tenant)
    return groups


def _findings(held: Sequence[Held]) -> Iterator[_Finding]:
    for at, rule in enumerate(held[:-1]):
        if not rule.regions:
            yield _Finding(rule.place, "", _takers(rule.asked, held[:at]))
            continue
        for part, lost in _lost(rule):
            yield _Finding(rule.place, part, _takers(lost, held[:at]))


def _lost(rule: Held) -> Iterator[tuple[str, Region]]:
    """Words of a condition that no context reaches the rule with."""
    for key, asked in zip(DIMENSIONS, rule.asked, strict=True):
        left = frozenset[str]().union(*(asked.names & getattr(region, key).names for region in rule.regions))
        for word in sorted(asked.names - left):
            yield f"{key} {word}", rule.asked._replace(**{key: Words.of([word])})


def _takers(region: Region, earlier: Sequence[Held]) -> tuple[str, ...]:
    """The first rule that takes all of `region`, or else all that take something of it."""
    alone = [rule.place for rule in earlier if region.within(rule.asked)]
    return tuple(alone[:1] or [rule.place for rule in earlier if region.touches(rule.asked)])


def _sentence(name: str, finding: _Finding, tenants: Sequence[str], whole: dict[str, frozenset[str]]) -> str:
    parts = [finding.part] if finding.part else []
    if frozenset(tenants) != whole.get(finding.place, frozenset()):
        parts.insert(0, f"tenant{'s' if len(tenants) > 1 else ''} {', '.join(sorted(tenants))}")
    limited = f" for {' with '.join(parts)}" if parts else ""
    takers = " and ".join(f"flags.{name}.{place}" for place in finding.by)
    verb = "decides" if len(finding.by) == 1 else "decide"
    return f"flags.{name}.{finding.place} can never decide{limited}: {takers} {verb} first"
