"""The identity file: which service accounts and which groups of which issuers have which roles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic import ValidationError as Invalid

from crossover.identity.principal import Role
from crossover.identity.static_tokens import checked_tenant, role_named

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def secure_url(value: str) -> str:
    """https, or this machine: whoever can change keys or codes on their way can be anybody.

    Raises ValueError.
    """
    url = urlsplit(value)
    if not url.hostname or (
        url.scheme != "https" and not (url.scheme == "http" and url.hostname in LOOPBACK)
    ):
        raise ValueError("must be an https:// URL (http:// on loopback only)")
    return value


Tenant = Annotated[str, AfterValidator(checked_tenant)]
Url = Annotated[str, AfterValidator(secure_url)]
RoleName = Annotated[Role, BeforeValidator(role_named)]
Algorithm = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]  # no shared secrets (HS*): their holder could mint tokens; and never `none`


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceAccounts(_Part):
    """Service accounts of a namespace, or the one of that name, and what they may do.

    Args:
        platform: role over what belongs to no tenant.
    """

    namespace: str = Field(min_length=1)
    name: str | None = Field(None, min_length=1)
    tenant: Tenant
    role: RoleName
    platform: RoleName | None = None


class Kubernetes(_Part):
    """Tokens of service accounts, which the API server reviews.

    Args:
        audience: what a token must be made for. Without it every pod's default token would do.
    """

    audience: str = Field("crossover", min_length=1)
    service_accounts: tuple[ServiceAccounts, ...] = ()


class Group(_Part):
    """Members of an issuer's group, and what they may do.

    Args:
        tenant: None: the one that the token's `tenant_claim` names.
    """

    group: str = Field(min_length=1)
    tenant: Tenant | None = None
    role: RoleName
    platform: RoleName | None = None


class Issuer(_Part):
    """An OpenID Connect issuer whose JWTs count.

    Args:
        audience: what a token must be made for; `client_id` counts as well where it is set.
        jwks_url, jwks_file: where its keys are; None: where its discovery document says.
        name_claim: the claim that callers are called by.
        client_id, client_secret_file, scopes: for browsers' login; a client without a secret is public.
    """

    issuer: Url
    audience: str = Field(min_length=1)
    jwks_url: Url | None = None
    jwks_file: Path | None = None
    algorithms: tuple[Algorithm, ...] = Field(("RS256", "ES256"), min_length=1)
    name_claim: str = Field("sub", min_length=1)
    tenant_claim: str | None = Field(None, min_length=1)
    groups_claim: str = Field("groups", min_length=1)
    bindings: tuple[Group, ...] = ()
    client_id: str | None = Field(None, min_length=1)
    client_secret_file: Path | None = None
    scopes: str = Field("openid profile email", pattern=r"\bopenid\b")

    @model_validator(mode="after")
    def _whole(self) -> Issuer:
        if self.jwks_url and self.jwks_file:
            raise ValueError("set jwks_url or jwks_file, not both")
        if self.tenant_claim is None and any(binding.tenant is None for binding in self.bindings):
            raise ValueError("a binding without `tenant` needs `tenant_claim`")
        return self

    @property
    def audiences(self) -> list[str]:
        return [self.audience, *([self.client_id] if self.client_id else [])]


class IdentityFile(_Part):
    kubernetes: Kubernetes | None = None
    oidc: tuple[Issuer, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> IdentityFile:
        names = [issuer.issuer for issuer in self.oidc]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"issuer {twice[0]} is there twice")
        return self


def read_identity_file(path: Path) -> IdentityFile:
    """Raises OSError, or ValueError that names the file and the place."""
    try:
        content: Any = yaml.safe_load(path.read_text())
        return IdentityFile.model_validate({} if content is None else content)
    except Invalid as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "(file)"
        raise ValueError(f"{path}: {place}: {first['msg'].removeprefix('Value error, ')}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not YAML: {error}") from None
