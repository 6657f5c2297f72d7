"""The chain: each token goes to the one that can tell whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crossover.identity.authenticator import Authenticator
from crossover.identity.jwt_shape import unproven_claims
from crossover.identity.principal import Principal
from crossover.identity.refusals import no_token, not_accepted

if TYPE_CHECKING:
    from crossover.identity.oidc import OidcTokens

LONGEST = 16_384
"""Characters of a token; real ones have a tenth of it."""


@dataclass(frozen=True, slots=True)
class Issuers:
    """A JWT of a configured issuer is checked with that issuer's keys, any other JWT is a service account's,
    and what is no JWT is a static token. None: there is no such way in.
    """

    tokens: Authenticator | None = None
    kubernetes: Authenticator | None = None
    oidc: OidcTokens | None = None

    async def authenticate(self, token: str | None) -> Principal:
        """Raises Unauthenticated, or Unavailable when whoever could tell is away."""
        if token is None:
            raise no_token()
        if len(token) > LONGEST:
            raise not_accepted("it is too long")
        way = self._way(token)
        if way is None:
            raise not_accepted("there is no way in for its kind")
        return await way.authenticate(token)

    async def aclose(self) -> None:
        for each in (self.tokens, self.kubernetes, self.oidc):
            if each is not None:
                await each.aclose()

    def _way(self, token: str) -> Authenticator | None:
        claims = unproven_claims(token)
        if claims is None:
            return self.tokens
        if self.oidc is not None and self.oidc.issuer(claims.get("iss")) is not None:
            return self.oidc
        return self.kubernetes
