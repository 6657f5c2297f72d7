"""The settings that say who may call; both services have them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from crossover.identity.authenticator import Anyone, Authenticator
from crossover.identity.identity_file import IdentityFile, read_identity_file, secure_url
from crossover.identity.issuers import Issuers
from crossover.identity.kubernetes_api import KubernetesApi
from crossover.identity.login import Logins
from crossover.identity.sessions import Sessions
from crossover.identity.static_tokens import StaticTokens, checked_tenant
from crossover.identity.token_review import TokenReviews
from crossover.identity.watched_file import WatchedFile
from crossover.settings import Auth, ServiceSettings, is_loopback, read_auth

if TYPE_CHECKING:
    from crossover.identity.oidc import OidcTokens
    from crossover.identity.sealer import Sealer

CALLBACK = "/v1/session/callback"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts a pod's own token and the API server's CA."""

Url = Annotated[str, AfterValidator(lambda value: secure_url(value).rstrip("/"))]


class IdentitySettings(ServiceSettings):
    """Base of the services' settings."""

    listen_host: str = Field("127.0.0.1", description="Address to listen on. Loopback, until auth is set up.")
    auth: str = Field(
        Auth.NONE.value,
        description="`none` (loopback only: everyone is tenant `tenant`), or any of `tokens` (see "
        "tokens_file), `kubernetes` (service accounts) and `oidc` (see identity_file), by comma.",
    )
    tokens_file: Path | None = Field(
        None,
        description="JSON list of token hashes, as `crossover token new` prints them. Re-read on change.",
    )
    identity_file: Path | None = Field(
        None,
        description="YAML of `kubernetes` and `oidc`: which service accounts, and which groups of which "
        "issuers, have which roles in which tenants. Re-read on change.",
    )
    kubernetes_api: Url | None = Field(
        None,
        description="API server that reviews service accounts' tokens; needs `create` on tokenreviews. "
        "Without it, the one of the cluster that this pod runs in, with the pod's own token.",
    )
    kubernetes_api_token_file: Path | None = Field(
        None, description="Bearer token for `kubernetes_api`; re-read on every review."
    )
    kubernetes_api_ca_file: Path | None = Field(None, description="CA of `kubernetes_api`'s certificate.")
    session_key_file: Path | None = Field(
        None,
        description="Keys of browsers' session cookies, one a line, as `crossover token session-key` prints "
        "them; the first one seals. The same for all replicas. Without it there are no browser sessions.",
    )
    session_hours: float = Field(
        12.0, gt=0, le=168, description="Hours of a browser session, at most; it ends with its token."
    )
    session_url: Url | None = Field(
        None,
        description="Where browsers reach this service. Logging in by `oidc` needs it: the issuer sends "
        f"them back to `<session_url>{CALLBACK}`.",
    )
    recheck: float = Field(
        60.0,
        gt=0,
        description="Seconds between looks at whether an open stream's caller is still valid.",
    )
    tenant: str = Field("default", description="The tenant of all callers while auth is `none`.")

    @field_validator("auth")
    @classmethod
    def _auth(cls, value: str) -> str:
        return ",".join(read_auth(value))

    @field_validator("tenant")
    @classmethod
    def _tenant(cls, value: str) -> str:
        return checked_tenant(value)

    @model_validator(mode="after")
    def _admission(self) -> Self:
        if self.open and not is_loopback(self.listen_host):
            raise ValueError(
                f"auth=none serves everyone as an administrator, so it listens on loopback only, "
                f"not on {self.listen_host}: set auth=tokens and tokens_file"
            )
        ways = self.ways
        if (Auth.TOKENS in ways) != (self.tokens_file is not None):
            raise ValueError("auth=tokens and tokens_file go together: set both or neither")
        if bool(ways & {Auth.KUBERNETES, Auth.OIDC}) != (self.identity_file is not None):
            raise ValueError(
                "auth=kubernetes or auth=oidc and identity_file go together: set both or neither"
            )
        return self

    @property
    def ways(self) -> frozenset[Auth]:
        """The ways in; `none` alone is none of them."""
        return frozenset(read_auth(self.auth)) - {Auth.NONE}

    @property
    def open(self) -> bool:
        """Everyone is an administrator."""
        return not self.ways

    def authenticator(self) -> Authenticator:
        """Raises OSError or ValueError, naming the file and the place, for one that cannot be used."""
        if self.open:
            return Anyone(self.tenant)
        identity = self._identity()
        return Issuers(
            tokens=StaticTokens(self.tokens_file) if self.tokens_file else None,
            kubernetes=self._reviews(identity) if identity and Auth.KUBERNETES in self.ways else None,
            oidc=_oidc(identity) if identity and Auth.OIDC in self.ways else None,
        )

    def sessions(self, authenticator: Authenticator) -> Sessions:
        """Raises OSError or ValueError, naming the file."""
        sealer = None if self.session_key_file is None or self.open else _sealer(self.session_key_file)
        oidc = authenticator.oidc if isinstance(authenticator, Issuers) else None
        ready = oidc is not None and sealer is not None and self.session_url is not None
        logins = Logins(oidc, f"{self.session_url}{CALLBACK}") if ready and oidc else None
        return Sessions(authenticator, sealer, self.session_hours, self.session_url, logins)

    def _identity(self) -> WatchedFile[IdentityFile] | None:
        if self.identity_file is None:
            return None
        watched = WatchedFile(self.identity_file, read_identity_file)
        file, ways = watched.current(), self.ways
        for way, part in ((Auth.KUBERNETES, file.kubernetes), (Auth.OIDC, file.oidc)):
            if (way in ways) != bool(part):
                raise ValueError(
                    f"{self.identity_file}: auth={way} and its part `{way}` go together: set both or neither"
                )
        return watched

    def _reviews(self, identity: WatchedFile[IdentityFile]) -> TokenReviews:
        if self.kubernetes_api is None:
            api = KubernetesApi(
                "https://kubernetes.default.svc", SERVICE_ACCOUNT / "token", SERVICE_ACCOUNT / "ca.crt"
            )
        else:
            api = KubernetesApi(
                self.kubernetes_api, self.kubernetes_api_token_file, self.kubernetes_api_ca_file
            )
        return TokenReviews(api, lambda: identity.current().kubernetes)


# PyJWT and Fernet bring cryptography along, 7 to 9 MB: only for those who use them.


def _oidc(identity: WatchedFile[IdentityFile]) -> OidcTokens:
    from crossover.identity.oidc import OidcTokens

    return OidcTokens(lambda: identity.current().oidc)


def _sealer(keys: Path) -> Sealer:
    from crossover.identity.sealer import Sealer

    return Sealer(keys)
