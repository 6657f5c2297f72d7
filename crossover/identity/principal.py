"""Who calls, and whether they may: every route and stream asks `authorise`.

The tenant never comes from a request's body. What a principal may not know of does not exist for it (404);
what it may see but not do is forbidden (403).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from crossover.contract.run import tenant_of
from crossover.errors import Forbidden, NotFound

PLATFORM = "*"
"""Stands for all tenants: flags, rollouts and the audit as a whole. No tenant can have this name."""


class Role(IntEnum):
    """Each role may do all that a lower one may."""

    VIEWER = 1
    OPERATOR = 2
    APPROVER = 3
    ADMIN = 4


class Action(StrEnum):
    """What can be done; the verb that a 403 names."""

    START = "start runs"
    READ = "read runs"
    CONTROL = "control runs"
    APPROVE = "decide approvals"
    READ_LOGS = "read logs"
    EVALUATE = "evaluate flags"
    DECIDE = "decide runs"
    READ_FLAGS = "read the flag document"
    CHANGE_FLAGS = "change flags"
    READ_AUDIT = "read the audit"


REQUIRED_ROLE: Mapping[Action, Role] = {
    Action.START: Role.OPERATOR,
    Action.READ: Role.VIEWER,
    Action.CONTROL: Role.OPERATOR,
    Action.APPROVE: Role.APPROVER,
    Action.READ_LOGS: Role.VIEWER,
    Action.EVALUATE: Role.VIEWER,
    Action.DECIDE: Role.OPERATOR,
    Action.READ_FLAGS: Role.VIEWER,
    Action.CHANGE_FLAGS: Role.OPERATOR,
    Action.READ_AUDIT: Role.VIEWER,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose identity is proven.

    Args:
        tenant: the one it acts in; see `within`.
        role: what it may do there.
        others: its roles in further tenants.
        platform: its role over what belongs to no tenant: flags, rollouts, the whole audit. None: none.
    """

    name: str
    tenant: str
    role: Role
    others: frozenset[tuple[str, Role]] = frozenset()
    platform: Role | None = None

    def role_in(self, tenant: str) -> Role | None:
        """None where it has no role, and so must not learn whether there is such a tenant."""
        if tenant == PLATFORM:
            return self.platform
        if tenant == self.tenant:
            return self.role
        return max((role for name, role in self.others if name == tenant), default=None)

    def within(self, tenant: str) -> Principal:
        """The same caller, acting in another tenant of its own. Raises NotFound for any other tenant."""
        if tenant == self.tenant:
            return self
        role = None if tenant == PLATFORM else self.role_in(tenant)
        if role is None:
            raise NotFound(f"There is no tenant {tenant!r} for {self.name}.")
        return replace(self, tenant=tenant, role=role, others=self.others | {(self.tenant, self.role)})


@dataclass(frozen=True, slots=True)
class Resource:
    """What is acted upon: the runs of a tenant, one of them, or what belongs to the platform."""

    tenant: str
    run: str | None = None

    @classmethod
    def of_run(cls, run: str) -> Resource:
        """Raises NotFound when `run` is no run id."""
        tenant = tenant_of(run)
        if tenant is None:
            raise no_such_run(run)
        return cls(tenant, run)


FLAGS = Resource(PLATFORM)
"""The flag document, its versions and rollouts; with READ_AUDIT, the audit of all tenants."""


def authorise(principal: Principal, action: Action, resource: Resource) -> None:
    """Returns when `principal` may do `action` to `resource`.

    Raises:
        NotFound: the resource belongs to a tenant in which the principal has no role.
        Forbidden: the principal's role is too low, or it has none over the platform.
    """
    role, required = principal.role_in(resource.tenant), REQUIRED_ROLE[action]
    if role is None and resource.tenant != PLATFORM:
        raise no_such_run(resource.run or resource.tenant)
    if role is None or role < required:
        scope = "platform role" if resource.tenant == PLATFORM else "role"
        has = "none" if role is None else role.name.lower()
        raise Forbidden(
            f"{principal.name} may not {action}: that takes the {scope} {required.name.lower()}, "
            f"and this caller has {has}."
        )


def no_such_run(run: str) -> NotFound:
    """The one answer for runs that do not exist and runs of other tenants."""
    return NotFound(f"There is no run {run!r}: it was never started, or Temporal's retention removed it.")
