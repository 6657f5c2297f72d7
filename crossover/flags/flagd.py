"""Interchange with flagd: the document as a flag definition of flagd's, and back.

What is exported answers alike in flagd: tenant is `targetingKey`; app, connector and environment are context
attributes. That takes an evaluator which hashes the CBOR of the bucketing value (openfeature-flagd-core 2.0).
Format: https://flagd.dev/reference/flag-definitions/. Staged plans have no words there: the percentages in
force are exported.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from crossover.flags.flagd_import import from_flagd
from crossover.flags.model import WEIGHTS, Document, Flag, Split, Variant, When
from crossover.flags.region import DIMENSIONS
from crossover.flags.rules import naming
from crossover.flags.share import thresholds

__all__ = ["from_flagd", "to_flagd"]

_DEEPEST = 200
"""Evaluators recurse into nested conditions, and flagd takes no longer form of `if`."""


def to_flagd(document: Document) -> dict[str, Any]:
    """The definition as JSON. Raises ValueError for a flag whose rules are more than flagd can nest."""
    return {
        "$schema": "https://flagd.dev/schema/v0/flags.json",
        "$evaluators": {"kill": {"!!": [document.kill]}},
        "flags": {name: _definition(name, flag) for name, flag in document.flags.items()},
    }


def _definition(name: str, flag: Flag) -> dict[str, Any]:
    kept = {"description": flag.description or None, "salt": flag.salt}
    return {
        "state": "ENABLED",
        "variants": {variant.value: variant.value_of_flag for variant in Variant},
        "defaultVariant": Variant.LEGACY.value,
        "targeting": _targeting(name, flag),
        "metadata": {key: value for key, value in kept.items() if value is not None},
    }


def _targeting(name: str, flag: Flag) -> Any:
    clauses = [*_switches(flag), *_named(flag), *_dealt(flag)]
    if len(clauses) > _DEEPEST:
        raise ValueError(f"flags.{name}: flagd cannot nest {len(clauses)} conditions, {_DEEPEST} at most")
    nested: Any = None
    for condition, result in reversed(clauses):
        nested = {"if": [condition, result, nested]}
    return nested


def _switches(flag: Flag) -> Iterable[tuple[Any, Any]]:
    yield {"$ref": "kill"}, Variant.LEGACY.value
    if flag.kill:
        yield True, Variant.LEGACY.value


def _named(flag: Flag) -> Iterable[tuple[Any, Any]]:
    """One condition for each run of rules that give the same: most documents need three."""
    for variant, run in groupby(naming(flag), lambda rule: rule[2]):
        conditions = [_condition(rule.when, rule.tenants) for _, rule, _ in run]
        yield conditions[0] if len(conditions) == 1 else {"or": conditions}, variant.value


def _dealt(flag: Flag) -> Iterable[tuple[Any, Any]]:
    salt: Any = {"var": "$flagd.flagKey"} if flag.salt is None else flag.salt
    for split in flag.rollout:
        yield (
            _condition(split.when),
            {"fractional": [{"cat": [salt, _var("targetingKey")]}, *_weights(split)]},
        )


def _weights(split: Split) -> list[list[Any]]:
    crossover, both = thresholds(split)
    return [
        [Variant.CROSSOVER.value, crossover],
        [Variant.SHADOW.value, both - crossover],
        [Variant.LEGACY.value, WEIGHTS - both],
    ]


def _condition(when: When, tenants: Iterable[str] = ()) -> Any:
    asked: Mapping[str, Iterable[str]] = {
        "targetingKey": tenants,
        **{key: getattr(when, key) for key in DIMENSIONS},
    }
    parts = [{"in": [_var(key), list(words)]} for key, words in asked.items() if words]
    if not parts:
        return True
    return parts[0] if len(parts) == 1 else {"and": parts}


def _var(key: str) -> dict[str, str]:
    return {"var": key}
