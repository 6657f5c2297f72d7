"""What an issuer says of itself (OpenID Connect Discovery 1.0, section 4)."""

from __future__ import annotations

import time
from typing import Any

import httpx

from crossover.identity.fetch import CannotFetch, fetch_object
from crossover.identity.identity_file import secure_url

WELL_KNOWN = "/.well-known/openid-configuration"
LASTS = 3600.0
"""Seconds for which a discovery document is used."""


class Discovery:
    """The issuer's discovery document, fetched when it is needed first."""

    def __init__(self, issuer: str, client: httpx.AsyncClient) -> None:
        self._issuer = issuer
        self._client = client
        self._document: dict[str, Any] = {}
        self._until = 0.0

    async def endpoint(self, name: str) -> str:
        """The URL that the document has under `name`. Raises CannotFetch."""
        if time.monotonic() >= self._until:
            self._document = await self._fetch()
            self._until = time.monotonic() + LASTS
        url = self._document.get(name)
        try:
            return secure_url(str(url))
        except ValueError as error:
            raise CannotFetch(f"{self._issuer}: its {name} {error}") from None

    async def _fetch(self) -> dict[str, Any]:
        document = await fetch_object(self._client, "GET", self._issuer.rstrip("/") + WELL_KNOWN)
        if document.get("issuer") != self._issuer:
            raise CannotFetch(f"{self._issuer}: its discovery document is another issuer's")
        return document
