"""Reading flagd's flag definitions: whatever means exactly something here, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from crossover.flags.flagd_targeting import (
    Clause,
    an_object,
    clauses,
    conditions,
    percentages,
    refused,
    salt_of,
    variant_of,
)
from crossover.flags.model import Document, Variant
from crossover.flags.schema import read_document

_KILL = {"$ref": "kill"}


def from_flagd(value: Any) -> Document:
    """The document that answers as this definition does.

    Raises ValueError naming the place for whatever has no equal here: it is never guessed what was meant.
    """
    top = an_object(value, "the definition", ("$schema", "$evaluators", "flags", "metadata"))
    if top.get("metadata"):
        raise refused("metadata", "it cannot be kept")
    kill = _kill(top.get("$evaluators", {}))
    flags = an_object(top.get("flags"), "flags")
    read = {name: _Reader(name, kill).flag(definition) for name, definition in flags.items()}
    return read_document({"schema": 1, "kill": bool(kill), "flags": read})


def _kill(evaluators: Any) -> bool | None:
    """Whether the switch for all flags is on; None without one."""
    kill = an_object(evaluators, "$evaluators", ("kill",)).get("kill")
    if kill is None:
        return None
    match kill:
        case {"!!": [bool(on)]} if len(kill) == 1:
            return on
    raise refused("$evaluators.kill", 'only {"!!": [true]} or {"!!": [false]} is a switch')


@dataclass(slots=True)
class _Reader:
    """One flag, read clause by clause."""

    name: str
    kill_of_all: bool | None
    kill: bool = False
    deny: list[dict[str, Any]] = field(default_factory=list)
    allow: list[dict[str, Any]] = field(default_factory=list)
    rollout: list[dict[str, Any]] = field(default_factory=list)
    salts: list[str | None] = field(default_factory=list)

    def flag(self, definition: Any) -> dict[str, Any]:
        """The flag as the document writes it."""
        place = f"flags.{self.name}"
        known = ("state", "variants", "defaultVariant", "targeting", "metadata")
        parts = an_object(definition, place, known)
        _check_answers(parts, place)
        targeting = an_object(parts.get("targeting", {}), f"{place}.targeting") or None
        read = list(clauses(targeting, parts["defaultVariant"], f"{place}.targeting"))
        for clause in self._switched(read, f"{place}.targeting"):
            self._take(clause)
        self._check_variants(parts["variants"], place)
        kept = an_object(parts.get("metadata", {}), f"{place}.metadata", ("description", "salt"))
        rules = {"deny": self.deny, "allow": self.allow, "rollout": self.rollout}
        return {**kept, "kill": self.kill, **rules, **self._salt(kept, place)}

    def _switched(self, read: Sequence[Clause], place: str) -> Sequence[Clause]:
        """The clauses after those of the kill switches."""
        rest = list(read)
        if rest and _legacy_if(rest[0], _KILL) and self.kill_of_all is not None:
            rest = rest[1:]
        elif rest and self.kill_of_all:
            raise refused(
                place, "the kill switch of all flags is on, but this flag does not begin by asking it"
            )
        if rest and _legacy_if(rest[0], True):
            self.kill = True
            rest = rest[1:]
        return rest

    def _take(self, clause: Clause) -> None:
        for asked in conditions(clause.condition, clause.place):
            tenants = asked.pop("targetingKey", None)
            if tenants is None:
                self.rollout.append({"when": asked, **self._shares(clause)})
            else:
                self._take_named(clause, {"tenants": tenants, "when": asked})

    def _take_named(self, clause: Clause, rule: dict[str, Any]) -> None:
        variant = variant_of(clause.result, clause.place)
        if self.rollout:
            raise refused(clause.place, "rules that name tenants come before those that do not")
        if variant is not Variant.LEGACY:
            self.allow.append({**rule, "variant": variant})
        elif self.allow:
            raise refused(
                clause.place, "what keeps tenants on legacy comes before what gives them something else"
            )
        else:
            self.deny.append(rule)

    def _shares(self, clause: Clause) -> dict[str, float]:
        match clause.result:
            case {"fractional": [bucketing, *weights]} if len(clause.result) == 1:
                self.salts.append(salt_of(bucketing, self.name, clause.place))
                return percentages(weights, clause.place)
        variant = variant_of(clause.result, clause.place)
        return {} if variant is Variant.LEGACY else {variant.value: 100.0}

    def _check_variants(self, variants: Mapping[str, Any], place: str) -> None:
        """An evaluator fails where a variant is given that the flag does not have."""
        dealt = (key for split in self.rollout for key in split if key != "when")
        given = {Variant.LEGACY.value, *(rule["variant"] for rule in self.allow), *dealt}
        if missing := sorted(given - variants.keys()):
            raise refused(f"{place}.variants", f"{missing[0]} is not among them")

    def _salt(self, kept: Mapping[str, Any], place: str) -> dict[str, Any]:
        salts = [*self.salts, *([kept["salt"]] if "salt" in kept else [])]
        if any(salt != salts[0] for salt in salts):
            raise refused(place, "its parts are dealt by different salts")
        return {"salt": salts[0]} if salts else {}


def _legacy_if(clause: Clause, condition: Any) -> bool:
    return bool(clause.condition == condition) and clause.result == Variant.LEGACY


def _check_answers(parts: Mapping[str, Any], place: str) -> None:
    """Refuses what would answer with other variants or values than ours."""
    if parts.get("state") != "ENABLED":
        raise refused(f"{place}.state", "only ENABLED: a disabled flag leaves the answer to each caller")
    values = {variant.value: variant.value_of_flag for variant in Variant}
    variants = an_object(parts.get("variants"), f"{place}.variants", tuple(values))
    for name, value in variants.items():
        if value is not values[name]:
            raise refused(f"{place}.variants.{name}", f"its value is {str(values[name]).lower()} here")
    variant_of(parts.get("defaultVariant"), f"{place}.defaultVariant")
