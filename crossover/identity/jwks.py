"""An issuer's public keys: fetched when they are needed, and again when a token names one we do not know."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import jwt
import orjson

from crossover.identity.fetch import CannotFetch

FRESH = 3600.0
"""Seconds after which keys are fetched again: as long as a key that its issuer withdrew still counts."""
AGAIN = 30.0
"""Seconds between fetches, at least, whatever tokens name: made-up ones must not become a flood there."""
FIRST = 1.0
"""The same while there are no keys at all, and nobody can be told from anybody else."""

Jwks = Mapping[str, Any]
_log = logging.getLogger(__name__)


class UnknownKey(Exception):
    """No key of the issuer fits the token."""


class KeySet:
    """Args:
    fetch: the JWKS document (RFC 7517). Raises CannotFetch.
    fresh, again: seconds; see FRESH and AGAIN.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Jwks]], *, fresh: float = FRESH, again: float = AGAIN
    ) -> None:
        self._fetch = fetch
        self._fresh = fresh
        self._again = again
        self._keys: tuple[Jwks, ...] | None = None
        self._fetched = self._tried = float("-inf")
        self._made: dict[tuple[str | None, str], jwt.PyJWK] = {}
        self._turn = asyncio.Lock()

    async def key(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        """The key that a token names.

        Raises:
            UnknownKey: there is none, or without a `kid` not exactly one.
            CannotFetch: there are no keys at all yet.
        """
        stale = time.monotonic() - self._fetched > self._fresh
        if self._keys is None or (stale and not self._turn.locked()):  # one waits for news, not all
            await self._refresh()
        try:
            return self._find(kid, algorithm)
        except UnknownKey:
            await self._refresh()
            return self._find(kid, algorithm)

    async def _refresh(self) -> None:
        """Keys that we have stay while the issuer cannot be asked: it being away is no reason to lock out."""
        async with self._turn:
            if time.monotonic() - self._tried >= (FIRST if self._keys is None else self._again):
                self._tried = time.monotonic()
                try:
                    self._keys = _signing_keys(await self._fetch())
                    self._fetched, self._made = time.monotonic(), {}
                except CannotFetch as error:
                    _log.warning("the issuer's keys could not be fetched: %s", error)
            if self._keys is None:
                raise CannotFetch("The issuer's keys could not be fetched.")

    def _find(self, kid: str | None, algorithm: str) -> jwt.PyJWK:
        known = self._made.get((kid, algorithm))
        if known is None:
            known = self._made[kid, algorithm] = _only(self._fitting(kid, algorithm))
        return known

    def _fitting(self, kid: str | None, algorithm: str) -> Iterable[jwt.PyJWK]:
        for data in self._keys or ():
            if (kid is None or data.get("kid") == kid) and data.get("alg", algorithm) == algorithm:
                try:
                    yield jwt.PyJWK(dict(data), algorithm)
                except jwt.PyJWTError:
                    continue  # a key of another family than the token's algorithm


def keys_in(path: Path) -> Callable[[], Awaitable[Jwks]]:
    """Keys from a file, read whenever others would fetch."""

    async def read() -> Jwks:
        return _document(path)

    return read


def _document(path: Path) -> Jwks:
    try:
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise CannotFetch(f"{path}: {error}") from error
    if not isinstance(found, dict):
        raise CannotFetch(f"{path} is no JWKS document")
    return found


def _signing_keys(document: Jwks) -> tuple[Jwks, ...]:
    """Shared secrets have no place in a public document, and keys for encryption sign nothing."""
    keys = document.get("keys")
    if not isinstance(keys, list):
        raise CannotFetch("the JWKS document has no `keys`")
    return tuple(
        key
        for key in keys
        if isinstance(key, dict) and key.get("kty") != "oct" and key.get("use", "sig") == "sig"
    )


def _only(keys: Iterable[jwt.PyJWK]) -> jwt.PyJWK:
    found = list(keys)
    if len(found) != 1:
        raise UnknownKey
    return found[0]
