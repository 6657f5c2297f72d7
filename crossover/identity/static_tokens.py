"""Static tokens, for installs without a token issuer: the file keeps their hashes only."""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crossover.contract.run import valid_tenant
from crossover.errors import Unauthenticated
from crossover.identity.principal import Principal, Role

_log = logging.getLogger(__name__)


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

    async def authenticate(self, token: str | None) -> Principal:
        if token is None:
            raise Unauthenticated("Send `Authorization: Bearer <token>`.")
        self._reload_if_changed()
        principal = self._principals.get(hash_token(token))
        if principal is None:
            raise Unauthenticated("The token is not known: it was mistyped, or removed from the token file.")
        return principal

    async def aclose(self) -> None:
        pass

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
