"""A split's share of the tenants, in buckets."""

from __future__ import annotations

from crossover.flags.bucket import bucket
from crossover.flags.model import WEIGHTS, Flag, Split, Variant

_PER_PERCENT = WEIGHTS // 100


def salt_of(name: str, flag: Flag) -> str:
    """What is put before a tenant's name to find its bucket."""
    return name if flag.salt is None else flag.salt


def thresholds(split: Split) -> tuple[int, int]:
    """Buckets below the first get crossover, those below the second shadow, the rest legacy."""
    crossover = round(split.crossover * _PER_PERCENT)
    return crossover, crossover + round(split.shadow * _PER_PERCENT)


def variant_at(place: int, crossover: int, both: int) -> Variant:
    """What bucket `place` gets from a split with these thresholds."""
    if place < crossover:
        return Variant.CROSSOVER
    return Variant.SHADOW if place < both else Variant.LEGACY


def variant_of(name: str, flag: Flag, split: Split, tenant: str) -> Variant:
    """What `split` of `flag` gives to `tenant`."""
    return variant_at(bucket(salt_of(name, flag), tenant), *thresholds(split))
