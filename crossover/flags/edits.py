"""Edits of the flag document: each takes one and returns the next. Nothing is changed in place.

All raise ValueError for a flag that the document does not have (only set_flag creates one), and for what
the model refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from crossover.flags.model import Allow, Deny, Document, Flag, Split, Variant, When
from crossover.flags.region import Region
from crossover.flags.schema import sentence

_EVERYWHERE = When()
_Rule = TypeVar("_Rule", Allow, Deny)


def kill(document: Document, flag: str | None, on: bool) -> Document:
    """Turns the switch of one flag, or with None the one for all flags."""
    if flag is None:
        return _document(document, kill=on)
    return _changed(document, flag, kill=on)


def set_flag(document: Document, name: str, flag: Flag) -> Document:
    """Creates or replaces a flag."""
    return _document(document, flags={**document.flags, name: flag})


def remove_flag(document: Document, name: str) -> Document:
    _flag(document, name)
    return _document(document, flags={key: flag for key, flag in document.flags.items() if key != name})


def allow(
    document: Document, flag: str, tenant: str, variant: Variant = Variant.CROSSOVER, when: When = _EVERYWHERE
) -> Document:
    """Gives `tenant` this variant wherever `when` holds, whatever was allowed before. A deny still wins."""
    kept = _without(_flag(document, flag).allow, tenant, Region.of(when))
    rule = _valid(Allow, tenants=(tenant,), variant=variant, when=when)
    hidden = any(_contradicts(other, rule) for other in kept[: _like(kept, rule)])
    return _changed(document, flag, allow=(rule, *kept) if hidden else _joined(kept, rule))


def deny(document: Document, flag: str, tenant: str, when: When = _EVERYWHERE) -> Document:
    """Keeps `tenant` on legacy wherever `when` holds."""
    kept = _without(_flag(document, flag).deny, tenant, Region.of(when))
    return _changed(document, flag, deny=_joined(kept, _valid(Deny, tenants=(tenant,), when=when)))


def clear(document: Document, flag: str, tenant: str) -> Document:
    """Takes `tenant` out of every deny and allow: the rollout decides again."""
    found = _flag(document, flag)
    denied, allowed = _without(found.deny, tenant), _without(found.allow, tenant)
    return _changed(document, flag, deny=denied, allow=allowed)


def rollout(
    document: Document, flag: str, crossover: float, shadow: float = 0.0, when: When = _EVERYWHERE
) -> Document:
    """Sets the percentages of the split for `when`; a new one goes before the first that would hide it.

    A plan of that split ends: whoever sets percentages by hand has taken over from it.
    """
    splits = _flag(document, flag).rollout
    new = _valid(Split, crossover=crossover, shadow=shadow, when=when)
    region = Region.of(when)
    for at, split in enumerate(splits):
        if Region.of(split.when) == region:
            return _changed(document, flag, rollout=(*splits[:at], new, *splits[at + 1 :]))
    at = next((at for at, split in enumerate(splits) if region.within(Region.of(split.when))), len(splits))
    return _changed(document, flag, rollout=(*splits[:at], new, *splits[at:]))


def _without(rules: Sequence[_Rule], tenant: str, region: Region | None = None) -> tuple[_Rule, ...]:
    """Takes `tenant` out of the rules within `region` (None: of all); rules that then name no one go."""
    kept: list[_Rule] = []
    for rule in rules:
        if tenant not in rule.tenants or (region and not Region.of(rule.when).within(region)):
            kept.append(rule)
        elif left := tuple(name for name in rule.tenants if name != tenant):
            kept.append(rule.model_copy(update={"tenants": left}))
    return tuple(kept)


def _contradicts(earlier: Allow, rule: Allow) -> bool:
    """Whether `earlier` would give the tenant of `rule` something else somewhere."""
    (tenant,) = rule.tenants
    if tenant not in earlier.tenants or earlier.variant == rule.variant:
        return False
    return Region.of(earlier.when).touches(Region.of(rule.when))


def _joined(rules: Sequence[_Rule], new: _Rule) -> tuple[_Rule, ...]:
    """The rules with one more tenant: in the rule that says the same of others, or at the end."""
    joined: list[_Rule] = list(rules)
    at: int = _like(rules, new)
    if at < len(joined):
        joined[at] = new.model_copy(update={"tenants": (*joined[at].tenants, *new.tenants)})
    else:
        joined.append(new)
    return tuple(joined)


def _like(rules: Sequence[_Rule], new: _Rule) -> int:
    """Where the rule is that says of other tenants what `new` says of its own; the end without one."""
    for at, rule in enumerate(rules):
        if rule.model_copy(update={"tenants": new.tenants}) == new:
            return at
    return len(rules)


def _flag(document: Document, name: str) -> Flag:
    try:
        return document.flags[name]
    except KeyError:
        raise ValueError(f"there is no flag {name}: create it first") from None


def _changed(document: Document, name: str, **fields: Any) -> Document:
    flag = _valid(Flag, **{**dict(_flag(document, name)), **fields})
    return _document(document, flags={**document.flags, name: flag})


def _document(document: Document, **fields: Any) -> Document:
    return _valid(Document, **{"kill": document.kill, "flags": document.flags, **fields})


_Model = TypeVar("_Model", bound=BaseModel)


def _valid(model: type[_Model], **fields: Any) -> _Model:
    try:
        return model(**fields)
    except ValidationError as error:
        raise ValueError(sentence(error)) from None
