"""Static tokens, for installs without a token issuer: the file keeps their hashes only."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossover.contract.run import valid_tenant
from crossover.identity.principal import Principal, Role
from crossover.identity.refusals import no_token, not_accepted
from crossover.identity.watched_file import WatchedFile

ROLES = "viewer, operator, approver or admin"
_FIELDS = frozenset({"name", "tenant", "role", "sha256", "others", "platform"})
_SHA256 = re.compile(r"[0-9a-f]{64}")


class StaticTokens:
    """Tokens from a file of hashes.

    The file is a JSON list of `{"name", "tenant", "role", "sha256"}`, each with `"others": {tenant: role}`
    and `"platform": role` where it has further roles. It is read again when it changes, so tokens rotate
    without a restart.

    Raises:
        OSError, ValueError: the file cannot be used; the text names it and the entry.
    """

    def __init__(self, path: Path) -> None:
        self._principals = WatchedFile(path, _read)

    async def authenticate(self, token: str | None) -> Principal:
        if token is None:
            raise no_token()
        principal = self._principals.current().get(hash_token(token))
        if principal is None:
            raise not_accepted("it is not in the token file")
        return principal

    async def aclose(self) -> None:
        pass


def hash_token(token: str) -> str:
    """A plain SHA-256 suffices: tokens are 256 random bits, so there is nothing to guess."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def new_token(
    name: str,
    tenant: str,
    role: Role,
    *,
    others: Mapping[str, Role] | None = None,
    platform: Role | None = None,
) -> tuple[str, dict[str, Any]]:
    """A fresh token and the entry of the token file that admits it."""
    token = secrets.token_urlsafe(32)
    entry: dict[str, Any] = {"name": name, "tenant": tenant, "role": _word(role), "sha256": hash_token(token)}
    if others:
        entry["others"] = {other: _word(its) for other, its in others.items()}
    if platform:
        entry["platform"] = _word(platform)
    return token, entry


def role_named(word: object) -> Role:
    """Raises ValueError for anything but a role's name."""
    role = Role.__members__.get(word.upper()) if isinstance(word, str) else None
    if role is None:
        raise ValueError(f"role must be {ROLES}, not {word!r}")
    return role


def checked_tenant(name: object) -> str:
    """Raises ValueError for anything but a tenant's name."""
    if not isinstance(name, str) or not valid_tenant(name):
        raise ValueError(f"tenant {name!r} must be lower-case letters, digits and hyphens, 63 at most")
    return name


def _word(role: Role) -> str:
    return role.name.lower()


def _read(path: Path) -> dict[str, Principal]:
    try:
        entries = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ValueError(f"{path} must be a JSON list of objects")
    found: dict[str, Principal] = {}
    for entry in entries:
        try:
            digest, principal = _entry(entry)
        except ValueError as error:
            raise ValueError(f"{path}: token {entry.get('name')!r}: {error}") from None
        found[digest] = principal
    return found


def _entry(entry: Mapping[str, Any]) -> tuple[str, Principal]:
    digest, others, platform = entry.get("sha256"), entry.get("others", {}), entry.get("platform")
    if unknown := sorted(entry.keys() - _FIELDS):
        raise ValueError(f"{', '.join(unknown)} is no field of a token")
    if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
        raise ValueError("`sha256` must be 64 hexadecimal digits")
    if not isinstance(others, dict):
        raise ValueError("`others` must be an object of roles by tenant")
    principal = Principal(
        str(entry.get("name", "unnamed")),
        checked_tenant(entry.get("tenant")),
        role_named(entry.get("role")),
        frozenset((checked_tenant(tenant), role_named(role)) for tenant, role in others.items()),
        None if platform is None else role_named(platform),
    )
    return digest, principal
