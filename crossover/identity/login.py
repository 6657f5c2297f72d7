"""Logging in with a browser: OpenID Connect's authorization code flow, with PKCE, state and nonce."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

import httpx

from crossover.errors import InvalidField, NotFound, Unauthenticated, Unavailable, cut
from crossover.identity.fetch import CannotFetch
from crossover.identity.refusals import not_accepted

if TYPE_CHECKING:
    from crossover.identity.oidc import KnownIssuer, OidcTokens

LASTS = 600
"""Seconds for which a login that was begun can be finished."""
RETRY_AFTER = 5.0


@dataclass(frozen=True, slots=True)
class Begun:
    """What the browser keeps, sealed, while it is away at the issuer.

    Args:
        then: where it goes afterwards, on this site.
    """

    issuer: str
    state: str
    nonce: str
    verifier: str
    then: str

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


class Logins:
    """Args:
    callback: the URL of ours that issuers send browsers back to, as it is registered there.
    """

    def __init__(self, oidc: OidcTokens, callback: str) -> None:
        self._oidc = oidc
        self._callback = callback

    async def begin(self, issuer: str | None, then: str) -> tuple[str, Begun]:
        """Where to send the browser. Raises NotFound, InvalidField, Unavailable."""
        known = self._issuer(issuer)
        begun = Begun(known.rules.issuer, _word(), _word(), _word(), relative(then))
        query = {
            "response_type": "code",
            "client_id": known.rules.client_id,
            "redirect_uri": self._callback,
            "scope": known.rules.scopes,
            "state": begun.state,
            "nonce": begun.nonce,
            "code_challenge": _challenge(begun.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = await _endpoint(known, "authorization_endpoint")
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}", begun

    async def finish(self, begun: Begun, answer: Mapping[str, str]) -> str:
        """The issuer's token for the browser's user. Raises Unauthenticated, NotFound, Unavailable."""
        known = self._issuer(begun.issuer)
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise not_accepted("the login's answer has another state")
        if answer.get("iss", begun.issuer) != begun.issuer:  # RFC 9207
            raise not_accepted("the login's answer is another issuer's")
        if "code" not in answer:
            why = cut(answer.get("error_description") or answer.get("error") or "no reason given")
            raise Unauthenticated(f"The issuer did not log you in: {why}.")
        token = await self._redeem(known, begun, answer["code"])
        claims = await known.claims(token)
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), begun.nonce.encode()):
            raise not_accepted("the issuer's token is for another login")
        return token

    def _issuer(self, name: str | None) -> KnownIssuer:
        known = self._oidc.with_login()
        found = [each for each in known if name in (None, each.rules.issuer)]
        if not found:
            raise NotFound("There is no such issuer to log in with: the identity file sets its `client_id`.")
        return found[0]

    async def _redeem(self, known: KnownIssuer, begun: Begun, code: str) -> str:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "code_verifier": begun.verifier,
            "client_id": known.rules.client_id,
        }
        endpoint = await _endpoint(known, "token_endpoint")
        try:
            answer = await known.fetch("POST", endpoint, data=form, auth=_secret(known))
        except CannotFetch as error:
            raise not_accepted(f"the issuer did not redeem the code: {error}") from None
        return _id_token(answer)


def relative(target: str) -> str:
    """A path on this site. Raises InvalidField: whoever makes a link must not choose where it ends."""
    plain = target.isascii() and target.isprintable() and "\\" not in target
    if not plain or not target.startswith("/") or target.startswith("//"):
        raise InvalidField("next: takes a path on this site, such as /runs.", field="next")
    return target


def _id_token(answer: Mapping[str, Any]) -> str:
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise not_accepted("the issuer's answer has no id_token")
    return token


async def _endpoint(known: KnownIssuer, name: str) -> str:
    try:
        return await known.discovery.endpoint(name)
    except CannotFetch:
        raise Unavailable(
            "The issuer cannot be reached now: log in again.", retry_after=RETRY_AFTER
        ) from None


def _secret(known: KnownIssuer) -> httpx.BasicAuth | None:
    """Both parts are form-encoded first (RFC 6749, 2.3.1). Raises Unavailable without the file."""
    path, client = known.rules.client_secret_file, known.rules.client_id
    if path is None or client is None:
        return None
    try:
        return httpx.BasicAuth(quote(client, safe=""), quote(path.read_text().strip(), safe=""))
    except OSError as error:
        raise Unavailable(f"The client's secret cannot be read: {error}.", retry_after=RETRY_AFTER) from None


def _word() -> str:
    return secrets.token_urlsafe(32)


def _challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
