"""JWTs of OpenID Connect issuers, checked here with the issuers' public keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import httpx
import jwt

from crossover.errors import Unavailable
from crossover.identity.bindings import of_claims
from crossover.identity.discovery import Discovery
from crossover.identity.fetch import CannotFetch, fetch_object, issuer_client
from crossover.identity.identity_file import Issuer
from crossover.identity.jwks import KeySet, UnknownKey, keys_in
from crossover.identity.jwt_shape import unproven_claims
from crossover.identity.principal import Principal
from crossover.identity.refusals import no_token, not_accepted

LEEWAY = 30.0
"""Seconds by which clocks may differ."""
RETRY_AFTER = 5.0

_decoder = jwt.PyJWT(options={"enforce_minimum_key_length": True})


class KnownIssuer:
    """One issuer, with its keys and what it says of itself."""

    def __init__(self, rules: Issuer, client: httpx.AsyncClient) -> None:
        self.rules = rules
        self.discovery = Discovery(rules.issuer, client)
        self._client = client
        self._keys = KeySet(keys_in(rules.jwks_file) if rules.jwks_file else self._fetch_keys)

    async def claims(self, token: str) -> dict[str, Any]:
        """What the token says, proven. Raises Unauthenticated, or Unavailable without the issuer's keys."""
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in self.rules.algorithms:
                raise not_accepted(f"{self.rules.issuer}: its algorithm is not allowed")
            key = await self._keys.key(header.get("kid"), algorithm)
            return self._checked(token, key)
        except UnknownKey:
            raise not_accepted(f"{self.rules.issuer}: no key of the issuer fits it") from None
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise not_accepted(f"{self.rules.issuer}: {type(error).__name__}") from None
        except CannotFetch:
            raise Unavailable(
                "The token's issuer cannot be asked for its keys now: ask again.", retry_after=RETRY_AFTER
            ) from None

    async def fetch(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        """A JSON object of the issuer's. Raises CannotFetch."""
        return await fetch_object(self._client, method, url, **options)

    def _checked(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        rules = self.rules
        required = ["iss", "aud", "exp", rules.name_claim]
        return _decoder.decode(
            token,
            key,
            algorithms=list(rules.algorithms),
            audience=rules.audiences,
            issuer=rules.issuer,
            leeway=LEEWAY,
            options={"require": required},
        )

    async def _fetch_keys(self) -> Mapping[str, Any]:
        url = self.rules.jwks_url or await self.discovery.endpoint("jwks_uri")
        return await self.fetch("GET", url)


class OidcTokens:
    """Args:
    rules: the identity file's part as it is now; an issuer's keys are kept until its entry changes.
    """

    def __init__(self, rules: Callable[[], tuple[Issuer, ...]]) -> None:
        self._rules = rules
        self._seen: tuple[Issuer, ...] = ()
        self._issuers: dict[str, KnownIssuer] = {}
        self._client = issuer_client()

    def issuer(self, name: object) -> KnownIssuer | None:
        return self._current().get(name) if isinstance(name, str) else None

    def with_login(self) -> list[KnownIssuer]:
        """Those that browsers can log in with."""
        return [issuer for issuer in self._current().values() if issuer.rules.client_id]

    async def authenticate(self, token: str | None) -> Principal:
        """Raises Unauthenticated, or Unavailable without the issuer's keys."""
        if token is None:
            raise no_token()
        issuer = self.issuer((unproven_claims(token) or {}).get("iss"))
        if issuer is None:
            raise not_accepted("no such issuer is in the identity file")
        return of_claims(await issuer.claims(token), issuer.rules)

    async def aclose(self) -> None:
        await self._client.aclose()

    def _current(self) -> dict[str, KnownIssuer]:
        rules = self._rules()
        if rules is not self._seen:
            known = {issuer.rules: issuer for issuer in self._issuers.values()}
            made = (known.get(each) or KnownIssuer(each, self._client) for each in rules)
            self._issuers, self._seen = {issuer.rules.issuer: issuer for issuer in made}, rules
        return self._issuers
