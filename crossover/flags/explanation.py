"""Why a flag is what it is for a context: every rule in the order it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from crossover.flags.bucket import bucket
from crossover.flags.model import Allow, Context, Deny, Document, Flag, Split, Variant, When
from crossover.flags.rules import naming
from crossover.flags.share import salt_of, thresholds, variant_at


@dataclass(frozen=True, slots=True)
class Step:
    """One rule. Exactly one of a list `applied`: the rule that decides.

    Args:
        rule: its path, as in Evaluation.rule.
        why: a clause for people, such as `tenant acme is not named`.
    """

    rule: str
    applied: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        return {"rule": self.rule, "applied": self.applied, "why": self.why}


def explain(document: Document, name: str, context: Context) -> list[Step]:
    """The steps for flag `name`. Raises KeyError for a flag that the document does not have."""
    steps: list[Step] = []
    decided = ""
    for rule, applies, why in _rules(document, name, document.flags[name], context):
        if decided:
            steps.append(Step(rule, False, f"not asked: {decided} decides"))
            continue
        steps.append(Step(rule, applies, why))
        decided = rule if applies else ""
    return steps


def _rules(document: Document, name: str, flag: Flag, context: Context) -> Iterator[tuple[str, bool, str]]:
    path = f"flags.{name}"
    yield "kill", *_switch(document.kill)
    yield f"{path}.kill", *_switch(flag.kill)
    for place, rule, variant in naming(flag):
        yield f"{path}.{place}", *_named(rule, context, variant)
    for at, split in enumerate(flag.rollout):
        yield f"{path}.rollout[{at}]", *_dealt(salt_of(name, flag), split, context)
    yield "default", True, "nothing else decides: legacy"


def _switch(on: bool) -> tuple[bool, str]:
    return (True, "the kill switch is on: legacy") if on else (False, "the kill switch is off")


def _named(rule: Deny | Allow, context: Context, variant: Variant) -> tuple[bool, str]:
    if context.tenant not in rule.tenants:
        return False, f"tenant {context.tenant} is not named"
    if missed := _missed(rule.when, context):
        return False, missed
    return True, f"tenant {context.tenant} is named: {variant}"


def _dealt(salt: str, split: Split, context: Context) -> tuple[bool, str]:
    if missed := _missed(split.when, context):
        return False, missed
    place = bucket(salt, context.tenant)
    crossover, both = thresholds(split)
    variant = variant_at(place, crossover, both)
    shares = f"crossover below {crossover}, shadow below {both}"
    return True, f"tenant {context.tenant} is in bucket {place}; {shares}: {variant}"


def _missed(when: When, context: Context) -> str:
    """The first part of the condition that does not hold, or nothing."""
    for key, words, word in (
        ("app", when.app, context.app),
        ("connector", when.connector, context.connector),
        ("environment", when.environment, context.environment),
    ):
        if words and word not in words:
            given = "not given" if word is None else word
            return f"{key} is {given}, not {' or '.join(words)}"
    return ""
