"""The parts of a flagd targeting rule that mean exactly something here: conditions, shares and variants.

Everything else raises ValueError naming the place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crossover.flags.model import WEIGHTS, Variant
from crossover.flags.region import DIMENSIONS

_FLAG_KEY = {"var": "$flagd.flagKey"}
_TENANT = {"var": "targetingKey"}
_KEYS = ("targetingKey", *DIMENSIONS)
_ORDER = (Variant.CROSSOVER, Variant.SHADOW, Variant.LEGACY)
_MOST = 2**31
"""Where flagd stops adding up shares."""


@dataclass(frozen=True, slots=True)
class Clause:
    condition: Any
    result: Any
    place: str


def clauses(node: Any, default: Any, place: str) -> Iterator[Clause]:
    """Conditions and what they give, in order; the last one takes all that is left."""
    while isinstance(node, dict) and "if" in node:
        arguments = _list(an_object(node, place, ("if",))["if"], f"{place}.if")
        place = f"{place}.if"
        pairs = len(arguments) // 2
        for at in range(0, 2 * pairs, 2):
            yield Clause(arguments[at], arguments[at + 1], f"{place}[{at}]")
        node = arguments[-1] if len(arguments) % 2 else None
        place = f"{place}[{len(arguments) - 1}]"
    rest = default if node is None else node
    if rest != Variant.LEGACY:
        yield Clause(True, rest, place)


def conditions(condition: Any, place: str) -> Iterator[dict[str, Any]]:
    """The words asked for by each alternative of a condition."""
    if isinstance(condition, dict) and list(condition) == ["or"]:
        for part in _list(condition["or"], place):
            yield _all_of(part, place)
    else:
        yield _all_of(condition, place)


def _all_of(condition: Any, place: str) -> dict[str, Any]:
    if condition is True:
        return {}
    parts = [condition]
    if isinstance(condition, dict) and list(condition) == ["and"]:
        parts = _list(condition["and"], place)
    asked: dict[str, Any] = {}
    for key, words in (_membership(part, place) for part in parts):
        if key in asked:
            raise refused(place, f"it asks {key} twice")
        asked[key] = words
    return asked


def _membership(part: Any, place: str) -> tuple[str, list[str]]:
    match part:
        case {"in": [asked, [*words]]} if len(part) == 1:
            pass
        case {"==": [asked, word]} if len(part) == 1:
            words = [word]
        case _:
            asked, words = None, []
    key = next((key for key in _KEYS if asked == {"var": key}), None)
    if key and words and all(isinstance(word, str) for word in words):
        return key, words
    raise refused(
        place, f"only `in` a list and `==`, of one of {', '.join(_KEYS)} and text, can be asked here"
    )


def salt_of(bucketing: Any, flag: str, place: str) -> str | None:
    match bucketing:
        case {"cat": [salt, tenant]} if tenant == _TENANT and len(bucketing) == 1:
            if salt == _FLAG_KEY:
                return None
            if isinstance(salt, str) and salt:
                return salt
    raise refused(
        place, "tenants are dealt by a text or $flagd.flagKey followed by targetingKey, and nothing else"
    )


def percentages(weights: Sequence[Any], place: str) -> dict[str, float]:
    shares = [_share(weight, place) for weight in weights]
    order = [variant for variant, weight in shares if weight]
    if order != sorted(set(order), key=_ORDER.index):
        raise refused(place, "shares come in the order crossover, shadow, legacy")
    total = sum(weight for _, weight in shares)
    result = {}
    for variant, weight in shares:
        buckets, rest = divmod(weight * WEIGHTS, total or 1)
        if rest or not 0 < total < _MOST:
            raise refused(place, "its shares are no percentages with three decimals")
        if weight and variant is not Variant.LEGACY:
            result[variant.value] = buckets * 100 / WEIGHTS
    return result


def _share(value: Any, place: str) -> tuple[Variant, int]:
    match value:
        case [variant]:
            return variant_of(variant, place), 1
        case [variant, int(weight)] if weight >= 0 and not isinstance(weight, bool):
            return variant_of(variant, place), weight
    raise refused(place, "a share is a variant with a whole number")


def variant_of(value: Any, place: str) -> Variant:
    if not isinstance(value, str) or value not in set(Variant):
        raise refused(place, f"what it gives is none of {', '.join(Variant)}")
    return Variant(value)


def an_object(value: Any, place: str, keys: tuple[str, ...] | None = None) -> Mapping[str, Any]:
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise refused(place, "it is no object")
    if unknown := [key for key in value if keys is not None and key not in keys]:
        raise refused(f"{place}.{unknown[0]}", "it has no equal here")
    return value


def _list(value: Any, place: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise refused(place, "it is no list with something in it")
    return value


def refused(place: str, why: str) -> ValueError:
    return ValueError(f"{place}: {why}")
