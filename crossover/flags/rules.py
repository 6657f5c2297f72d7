"""The rules that name tenants, in the order they are asked."""

from __future__ import annotations

from collections.abc import Iterator

from crossover.flags.model import Allow, Deny, Flag, Variant


def naming(flag: Flag) -> Iterator[tuple[str, Deny | Allow, Variant]]:
    """Deny before allow: place (such as `deny[0]`), rule, and what it gives to the tenants it names."""
    for at, deny in enumerate(flag.deny):
        yield f"deny[{at}]", deny, Variant.LEGACY
    for at, allow in enumerate(flag.allow):
        yield f"allow[{at}]", allow, Variant(allow.variant)
