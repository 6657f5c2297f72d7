"""Tokens of Kubernetes service accounts: the API server says whose they are, the identity file what they may.

A token must be made for our audience. The API server accepts any of its own tokens when it is not told an
audience, and answers with the audiences that it checked: both are needed, else the default token of any pod
would do (TokenReview, `spec.audiences` and `status.audiences`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from crossover.errors import Unavailable
from crossover.identity.bindings import of_service_account
from crossover.identity.identity_file import Kubernetes
from crossover.identity.jwt_shape import expiry, unproven_claims
from crossover.identity.kubernetes_api import KubernetesApi
from crossover.identity.principal import Principal
from crossover.identity.refusals import no_token, not_accepted
from crossover.identity.static_tokens import hash_token
from crossover.identity.verdicts import Verdict, Verdicts

GOOD = 60.0
"""Seconds for which a review's yes is used, at most: as long as a deleted service account still counts."""
BAD = 10.0
KEPT = 10_000
AT_ONCE = 16
"""Reviews in flight: a flood of made-up tokens must not become one on the API server."""
REST = 1.0
"""Seconds without further tries after the API server could not be asked."""


class TokenReviews:
    """Args:
    rules: the identity file's part as it is now; None: nobody is admitted.
    """

    def __init__(self, api: KubernetesApi, rules: Callable[[], Kubernetes | None]) -> None:
        self._api = api
        self._rules = rules
        self._verdicts: Verdicts[str] = Verdicts(KEPT)
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._away: tuple[Unavailable, float] | None = None

    async def authenticate(self, token: str | None) -> Principal:
        """Raises Unauthenticated, or Unavailable while the API server cannot be asked."""
        rules, claims = self._rules(), unproven_claims(token) if token else None
        if token is None:
            raise no_token()
        if rules is None or claims is None or not _hopeful(claims, rules.audience):
            raise not_accepted("it cannot be a service account's token for this audience, or is over")
        key = hash_token(f"{rules.audience} {token}")
        username = await self._verdicts.of(key, lambda: self._review(token, rules.audience, claims))
        if username is None:
            raise not_accepted("the API server does not know it, or not for this audience")
        return of_service_account(username, rules)

    async def aclose(self) -> None:
        await self._verdicts.aclose()
        await self._api.aclose()

    async def _review(self, token: str, audience: str, claims: Mapping[str, Any]) -> Verdict[str]:
        async with self._turn:
            self._rest()
            try:
                reviewed = await self._api.review(token, audience)
            except Unavailable as error:
                self._away = (error, time.monotonic() + REST)
                raise
        self._away = None
        if not reviewed.authenticated or audience not in reviewed.audiences:
            return Verdict(None, BAD)
        # What the token says of itself is proven now; its end ends the verdict, too.
        end = expiry(claims)
        return Verdict(reviewed.username, GOOD if end is None else min(GOOD, end - time.time()))

    def _rest(self) -> None:
        if self._away is not None and time.monotonic() < self._away[1]:
            raise Unavailable(self._away[0].detail, retry_after=self._away[0].retry_after)


def _hopeful(claims: Mapping[str, Any], audience: str) -> bool:
    """Refuses, without asking anybody, what the API server would refuse: it never admits by itself."""
    end, made_for = expiry(claims), claims.get("aud")
    audiences = made_for if isinstance(made_for, list) else [made_for]
    return (end is None or end > time.time()) and audience in audiences
