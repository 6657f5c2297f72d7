"""From a proven name to a principal: what the identity file says it may do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crossover.contract.run import valid_tenant
from crossover.identity.identity_file import Group, Issuer, Kubernetes
from crossover.identity.principal import Principal, Role
from crossover.identity.refusals import not_bound

SERVICE_ACCOUNT = "system:serviceaccount:"
"""How Kubernetes names service accounts: this, the namespace, a colon, the name."""


@dataclass(frozen=True, slots=True)
class Grant:
    tenant: str
    role: Role
    platform: Role | None


def of_service_account(username: str, kubernetes: Kubernetes) -> Principal:
    """Raises Unauthenticated for a user that is bound to no tenant."""
    namespace, _, name = username.removeprefix(SERVICE_ACCOUNT).partition(":")
    if not username.startswith(SERVICE_ACCOUNT) or not name:
        raise not_bound(username)
    return _principal(
        username,
        (
            Grant(each.tenant, each.role, each.platform)
            for each in kubernetes.service_accounts
            if each.namespace == namespace and each.name in (None, name)
        ),
    )


def of_claims(claims: Mapping[str, Any], issuer: Issuer) -> Principal:
    """Raises Unauthenticated for claims that bring no tenant."""
    name, groups = str(claims.get(issuer.name_claim)), _groups(claims.get(issuer.groups_claim))
    own = claims.get(issuer.tenant_claim) if issuer.tenant_claim else None
    own = own if isinstance(own, str) and valid_tenant(own) else None
    return _principal(name, _grants(issuer.bindings, groups, own))


def _grants(bindings: Iterable[Group], groups: frozenset[str], own: str | None) -> Iterable[Grant]:
    for binding in bindings:
        tenant = binding.tenant or own
        if binding.group in groups and tenant is not None:
            yield Grant(tenant, binding.role, binding.platform)


def _groups(claim: object) -> frozenset[str]:
    """A list in most issuers' tokens; one word where there is but one group in some."""
    if isinstance(claim, str):
        return frozenset({claim})
    return (
        frozenset(each for each in claim if isinstance(each, str)) if isinstance(claim, list) else frozenset()
    )


def _principal(name: str, grants: Iterable[Grant]) -> Principal:
    """All that is granted counts; the tenant that is granted first is the one acted in by default."""
    roles: dict[str, Role] = {}
    platform: Role | None = None
    for grant in grants:
        roles[grant.tenant] = max(grant.role, roles.get(grant.tenant, grant.role))
        platform = max((role for role in (platform, grant.platform) if role), default=None)
    if not roles:
        raise not_bound(name)
    (tenant, role), *others = roles.items()
    return Principal(name, tenant, role, frozenset(others), platform)
