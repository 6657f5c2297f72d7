"""Slots counted in this process, for one replica alone. Nothing expires: holder and count die together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from crossover.stores.leases import Claim, Lease, Refused, Scope, first_full

_Place = tuple[Scope, tuple[str, ...]]


class LocalLeases:
    """Strict: no call awaits anything, so no two of them can race."""

    def __init__(self) -> None:
        self._tokens: defaultdict[_Place, set[str]] = defaultdict(set)

    async def acquire(self, lease: Lease) -> None:
        """Raises Refused."""
        if (full := first_full(lease, self._in_use)) is not None:
            raise Refused(full)
        self.hold(lease)

    async def renew(self, leases: Collection[Lease]) -> None:
        for lease in leases:
            self.hold(lease)

    async def release(self, leases: Collection[Lease]) -> None:
        for lease in leases:
            self.drop(lease)

    async def aclose(self) -> None:
        """Nothing is open."""

    def hold(self, lease: Lease) -> None:
        """Count the lease, limit or not."""
        for claim in lease.claims:
            self._tokens[_place(claim)].add(lease.token)

    def drop(self, lease: Lease) -> None:
        for claim in lease.claims:
            tokens = self._in_use(claim)
            tokens.discard(lease.token)
            if not tokens:
                self._tokens.pop(_place(claim), None)

    def _in_use(self, claim: Claim) -> set[str]:
        return self._tokens.get(_place(claim), set())


def _place(claim: Claim) -> _Place:
    return claim.scope, claim.owner
