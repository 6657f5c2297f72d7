"""Browser sessions: a caller's token in a sealed cookie. The token is checked at each request, as any other;
a session ends with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crossover.errors import InvalidRequest, NotFound
from crossover.identity.authenticator import Authenticator
from crossover.identity.login import LASTS, Begun, Logins

if TYPE_CHECKING:
    from crossover.identity.sealer import Sealer

SESSION_COOKIE = "crossover_session"
LOGIN_COOKIE = "crossover_login"
LARGEST_COOKIE = 4096
"""Bytes of a cookie's name, value and attributes that browsers keep (RFC 6265, 6.1)."""
ATTRIBUTES = 128
"""Bytes of these for the name and the attributes."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Args:
    sealer: None: there are no sessions here, and cookies count for nothing.
    hours: of a session, at most.
    url: where browsers reach this service; None: wherever they say they do.
    logins: None: sessions begin with a token alone.
    """

    authenticator: Authenticator
    sealer: Sealer | None = None
    hours: float = 12.0
    url: str | None = None
    logins: Logins | None = None

    @property
    def seconds(self) -> int:
        return round(self.hours * 3600)

    def seal(self, token: str) -> str:
        """The session cookie. Raises NotFound where there are no sessions, and InvalidRequest."""
        sealed = self._sealer().seal(SESSION_COOKIE, {"token": token})
        if len(sealed) + ATTRIBUTES > LARGEST_COOKIE:
            raise InvalidRequest(
                f"The token has {len(token)} characters: sealed it is larger than browsers keep in a cookie. "
                "Have its issuer put fewer groups into it."
            )
        return sealed

    def token_in(self, cookie: str) -> str | None:
        """None when the session is over, or is none of ours."""
        opened = self.sealer.open(SESSION_COOKIE, cookie, within=self.seconds) if self.sealer else None
        return opened["token"] if opened else None

    def seal_login(self, begun: Begun) -> str:
        return self._sealer().seal(LOGIN_COOKIE, begun.to_dict())

    def login_in(self, cookie: str) -> Begun | None:
        opened = self._sealer().open(LOGIN_COOKIE, cookie, within=LASTS)
        return Begun(**opened) if opened else None

    def login(self) -> Logins:
        """Raises NotFound where browsers cannot log in."""
        if self.logins is None:
            raise NotFound("Browsers cannot log in here: set auth=oidc, session_key_file and session_url.")
        return self.logins

    def _sealer(self) -> Sealer:
        if self.sealer is None:
            raise NotFound("There are no browser sessions here: set session_key_file.")
        return self.sealer
