"""Which rule of a flag decides where: the contexts that are left when every earlier rule took its own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crossover.flags.model import Flag, Split, Variant
from crossover.flags.region import EVERYWHERE, Region
from crossover.flags.rules import naming
from crossover.flags.share import variant_of


@dataclass(frozen=True, slots=True)
class Held:
    """What one rule decides.

    Args:
        place: such as `deny[0]`; empty for the default.
        asked: the contexts its condition takes.
        gives: a variant, or the split that deals by tenant.
        regions: the contexts that reach it, none where earlier rules leave nothing.
    """

    place: str
    asked: Region
    gives: Variant | Split
    regions: tuple[Region, ...]


class Ground:
    """All contexts of one flag, kill switches aside.

    Tenants that the same rules name have one `key`: they share everything but their bucket.
    """

    def __init__(self, name: str, flag: Flag) -> None:
        self._name = name
        self._flag = flag
        self._naming = list(naming(flag))
        self._keys: dict[str, tuple[int, ...]] = {}
        for at, (_, rule, _variant) in enumerate(self._naming):
            for tenant in dict.fromkeys(rule.tenants):
                self._keys[tenant] = (*self._keys.get(tenant, ()), at)
        self._held: dict[tuple[int, ...], list[Held]] = {}

    @property
    def tenants(self) -> Iterable[str]:
        """Those that rules name."""
        return self._keys

    def key(self, tenant: str) -> tuple[int, ...]:
        return self._keys.get(tenant, ())

    def held(self, key: tuple[int, ...]) -> list[Held]:
        """Every rule that is asked about tenants of this key, in order, the default last."""
        if key not in self._held:
            self._held[key] = self._divide(key)
        return self._held[key]

    def variant(self, held: Held, tenant: str) -> Variant:
        if isinstance(held.gives, Variant):
            return held.gives
        return variant_of(self._name, self._flag, held.gives, tenant)

    def _divide(self, key: tuple[int, ...]) -> list[Held]:
        result, free = [], [EVERYWHERE]
        for place, asked, gives in self._asked(key):
            met = (region.meet(asked) for region in free)
            result.append(Held(place, asked, gives, tuple(region for region in met if region)))
            free = [piece for region in free for piece in region.minus(asked)]
        return result

    def _asked(self, key: tuple[int, ...]) -> list[tuple[str, Region, Variant | Split]]:
        named = [self._naming[at] for at in key]
        return [
            *((place, Region.of(rule.when), variant) for place, rule, variant in named),
            *(
                (f"rollout[{at}]", Region.of(split.when), split)
                for at, split in enumerate(self._flag.rollout)
            ),
            ("", EVERYWHERE, Variant.LEGACY),
        ]
