"""What a change of the document means: which tenants go another way, and where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from crossover.flags.ground import Ground, Held
from crossover.flags.model import Document, Flag, Variant
from crossover.flags.region import EVERYWHERE, Region, merged

_NOTHING = Held("", EVERYWHERE, Variant.LEGACY, (EVERYWHERE,))
_Key = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """`tenant` goes from one variant to another in the contexts `where`. Effects never overlap."""

    tenant: str
    flag: str
    before: Variant
    after: Variant
    where: Region

    def to_json(self) -> dict[str, Any]:
        return {
            "tenant": self.tenant,
            "flag": self.flag,
            "before": self.before.value,
            "after": self.after.value,
            "where": self.where.to_json(),
        }

    def __str__(self) -> str:
        where = "" if self.where.anywhere else f" where {self.where}"
        return f"{self.tenant}: {self.flag} goes from {self.before} to {self.after}{where}"


def effects(before: Document | None, after: Document, tenants: Iterable[str]) -> list[Effect]:
    """What changes for `tenants`. A flag or document that is not there is legacy everywhere."""
    old = before or Document()
    names = dict.fromkeys((*old.flags, *after.flags))
    sides = ((name, _Side.of(old, name), _Side.of(after, name)) for name in names)
    changed = [(name, one, other) for name, one, other in sides if one.flag != other.flag]
    asked = list(dict.fromkeys(tenants))
    return [effect for name, one, other in changed for effect in _of_flag(name, one, other, asked)]


@dataclass(frozen=True, slots=True)
class _Side:
    """One flag before or after; None where it is legacy for everyone without asking a rule."""

    flag: Flag | None
    ground: Ground | None

    @classmethod
    def of(cls, document: Document, name: str) -> _Side:
        flag = document.flags.get(name)
        if flag is None or flag.kill or document.kill:
            return cls(None, None)
        return cls(flag, Ground(name, flag))

    def key(self, tenant: str) -> _Key:
        return self.ground.key(tenant) if self.ground else ()

    def held(self, key: _Key) -> list[Held]:
        return self.ground.held(key) if self.ground else [_NOTHING]

    def variant(self, held: Held, tenant: str) -> Variant:
        return self.ground.variant(held, tenant) if self.ground else Variant.LEGACY


def _of_flag(name: str, old: _Side, new: _Side, tenants: Iterable[str]) -> Iterator[Effect]:
    meetings = _meetings(old, new)
    for tenant in tenants:
        moved: dict[tuple[Variant, Variant], list[Region]] = {}
        for one, other, regions in meetings(old.key(tenant), new.key(tenant)):
            was, is_ = old.variant(one, tenant), new.variant(other, tenant)
            if was is not is_:
                moved.setdefault((was, is_), []).extend(regions)
        for (was, is_), regions in moved.items():
            for where in merged(regions):
                yield Effect(tenant, name, was, is_, where)


def _meetings(old: _Side, new: _Side) -> Callable[[_Key, _Key], list[tuple[Held, Held, list[Region]]]]:
    """Pairs of an old and a new rule that decide the same contexts, worked out once for tenants alike."""

    @cache
    def meetings(one: _Key, other: _Key) -> list[tuple[Held, Held, list[Region]]]:
        pairs = ((mine, theirs) for mine in old.held(one) for theirs in new.held(other))
        met = ((mine, theirs, _common(mine, theirs)) for mine, theirs in pairs)
        return [(mine, theirs, regions) for mine, theirs, regions in met if regions]

    return meetings


def _common(one: Held, other: Held) -> list[Region]:
    met = (mine.meet(theirs) for mine in one.regions for theirs in other.regions)
    return [region for region in met if region]
