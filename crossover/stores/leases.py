"""Slots of a limit that many replicas share, held for as long as someone renews them. Pure.

A stream takes one slot in each scope (its principal's, its tenant's, the cluster's) at once: all of them, or
none, and then the refusal names the scope that is full. Whoever dies without a word stops renewing, and its
slots are free again after the lease time.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

RETRY_AFTER = 5.0
"""Seconds: streams last minutes, so asking more often than this is of no use."""


class Scope(StrEnum):
    """What a limit is for. `replica` holds only while the shared store is away."""

    PRINCIPAL = "principal"
    TENANT = "tenant"
    CLUSTER = "cluster"
    REPLICA = "replica"


@dataclass(frozen=True, slots=True)
class Claim:
    """One slot among `limit` of a scope. `owner` names whose: a tenant and a principal, a tenant, nobody."""

    scope: Scope
    owner: tuple[str, ...]
    limit: int


@dataclass(frozen=True, slots=True)
class Limits:
    """How many streams may be open at once."""

    principal: int
    tenant: int
    cluster: int

    def claims(self, tenant: str, principal: str) -> tuple[Claim, ...]:
        """What a stream of this principal needs; principals of two tenants never share a slot."""
        return (
            Claim(Scope.PRINCIPAL, (tenant, principal), self.principal),
            Claim(Scope.TENANT, (tenant,), self.tenant),
            Claim(Scope.CLUSTER, (), self.cluster),
        )


@dataclass(frozen=True, slots=True)
class Lease:
    """One stream's slots. The token makes taking, renewing and giving back safe to repeat."""

    claims: tuple[Claim, ...]
    token: str = field(default_factory=lambda: uuid.uuid4().hex)


class Refused(Exception):
    """A scope is full. `detail` is a sentence for whoever wanted the stream."""

    def __init__(self, claim: Claim) -> None:
        of = {Scope.CLUSTER: "of this cluster", Scope.REPLICA: "of this replica, whose shared store is away"}
        whose = of.get(claim.scope, f"of this {claim.scope}")
        self.detail = f"All {claim.limit} streams {whose} are in use; close one, or try again later."
        super().__init__(self.detail)
        self.scope = claim.scope
        self.limit = claim.limit


class StoreAway(Exception):
    """The shared store did not decide. Whether it acted is not known. The text holds no secrets."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Leases(Protocol):
    """Where slots are counted. Every call may be repeated; all raise StoreAway, within their time limit."""

    async def acquire(self, lease: Lease) -> None:
        """Take all slots of the lease, or none. Raises Refused."""

    async def renew(self, leases: Collection[Lease]) -> None:
        """Hold on to the slots, and take back those that the store has lost, limit or not."""

    async def release(self, leases: Collection[Lease]) -> None:
        """Give the slots back. Those that are not held are no error."""

    async def aclose(self) -> None:
        """Let go of connections; slots stay as they are."""


def first_full(lease: Lease, in_use: Callable[[Claim], Collection[str]]) -> Claim | None:
    """The first claim without room, given the tokens that hold slots; a token needs no second slot."""
    for claim in lease.claims:
        tokens = in_use(claim)
        if lease.token not in tokens and len(tokens) >= claim.limit:
            return claim
    return None
