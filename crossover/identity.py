"""Who calls, and whether they may: every route and stream asks `authorise`.

A principal belongs to one tenant; the tenant never comes from a request's body. What a principal may
not know of does not exist for it (404); what it may see but not do is forbidden (403).
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any, Protocol

from crossover.contract.run import tenant_of, valid_tenant
from crossover.errors import Forbidden, NotFound, Unauthenticated

_log = logging.getLogger(__name__)


class Role(IntEnum):
    """Each role may do all that a lower one may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


class Action(StrEnum):
    """What can be done; the verb that a 403 names."""

    START = "start runs"
    READ = "read runs"
    CONTROL = "control runs"
    READ_LOGS = "read logs"


REQUIRED_ROLE: Mapping[Action, Role] = {
    Action.START: Role.OPERATOR,
    Action.READ: Role.VIEWER,
    Action.CONTROL: Role.OPERATOR,
    Action.READ_LOGS: Role.VIEWER,
}


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller whose identity is proven."""

    name: str
    tenant: str
    role: Role


@dataclass(frozen=True, slots=True)
class Resource:
    """What is acted upon: the runs of a tenant, or one of them."""

    tenant: str
    run: str | None = None

    @classmethod
    def of_run(cls, run: str) -> Resource:
        """Raises NotFound when `run` is no run id."""
        tenant = tenant_of(run)
        if tenant is None:
            raise no_such_run(run)
        return cls(tenant, run)


def authorise(principal: Principal, action: Action, resource: Resource) -> None:
    """Returns when `principal` may do `action` to `resource`.

    Raises:
        NotFound: the resource belongs to another tenant.
        Forbidden: the principal's role is too low.
    """
    if resource.tenant != principal.tenant:
        raise no_such_run(resource.run or resource.tenant)
    required = REQUIRED_ROLE[action]
    if principal.role < required:
        raise Forbidden(
            f"{principal.name} may not {action}: that takes the role {required.name.lower()}, "
            f"and this token has {principal.role.name.lower()}."
        )


def no_such_run(run: str) -> NotFound:
    """The one answer for runs that do not exist and runs of other tenants."""
    return NotFound(f"There is no run {run!r}: it was never started, or Temporal's retention removed it.")


class Authenticator(Protocol):
    """Turns a bearer token into a principal."""

    def authenticate(self, token: str | None) -> Principal:
        """Raises Unauthenticated."""
        ...


@dataclass(frozen=True, slots=True)
class Anyone:
    """No authentication: every caller is `local`. Settings allow it on loopback only."""

    tenant: str

    def authenticate(self, token: str | None) -> Principal:
        return Principal("local", self.tenant, Role.ADMIN)


class StaticTokens:
    """Tokens from a file of hashes, for installs without a token issuer.

    The file is a JSON list of `{"name", "tenant", "role", "sha256"}`; it is read again when it changes,
    so tokens rotate without a restart. A file that turns bad keeps the last good list in force.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = 0
        self._bad = 0
        self._principals: dict[str, Principal] = {}
        self._reload()

    def authenticate(self, token: str | None) -> Principal:
        if token is None:
            raise Unauthenticated("Send `Authorization: Bearer <token>`.")
        self._reload_if_changed()
        principal = self._principals.get(hash_token(token))
        if principal is None:
            raise Unauthenticated("The token is not known: it was mistyped, or removed from the token file.")
        return principal

    def _reload_if_changed(self) -> None:
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp in (self._stamp, self._bad):
                return
            self._bad = stamp
            self._reload()
        except (OSError, ValueError) as error:
            # The last good list stays in force; a revocation that did not take must not go unnoticed.
            _log.warning("token file not taken over: %s", error)

    def _reload(self) -> None:
        stamp = self._path.stat().st_mtime_ns
        try:
            entries = json.loads(self._path.read_text())
        except ValueError as error:
            raise ValueError(f"{self._path} is not JSON: {error}") from None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise ValueError(f"{self._path} must be a JSON list of objects")
        self._principals = dict(_principal(entry) for entry in entries)
        self._stamp = stamp


def hash_token(token: str) -> str:
    """A plain SHA-256 suffices: tokens are 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(token.encode()).hexdigest()


def new_token(name: str, tenant: str, role: Role) -> tuple[str, dict[str, str]]:
    """A fresh token and the entry of the token file that admits it."""
    token = secrets.token_urlsafe(32)
    entry = {"name": name, "tenant": tenant, "role": role.name.lower(), "sha256": hash_token(token)}
    return token, entry


def _principal(entry: Mapping[str, Any]) -> tuple[str, Principal]:
    digest, tenant = str(entry.get("sha256")), str(entry.get("tenant"))
    if len(digest) != 64 or not valid_tenant(tenant):
        raise ValueError(f"token {entry.get('name')!r}: `sha256` or `tenant` is not valid")
    try:
        role = Role[str(entry.get("role")).upper()]
    except KeyError:
        raise ValueError(f"token {entry.get('name')!r}: role must be viewer, operator or admin") from None
    return digest, Principal(str(entry.get("name", "unnamed")), tenant, role)
