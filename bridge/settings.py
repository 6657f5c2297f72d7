"""What an operator can set, each by `CROSSOVER_BRIDGE_<NAME>`; docs/settings.md is made of this."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from bridge.steps.registry import Registry, open_registry
from bridge.steps.view import LinkBases
from bridge.temporal.gateway import Connection
from bridge.waits.settings import WaitSettings
from crossover.contract.run import valid_tenant
from crossover.identity import Anyone, Authenticator, StaticTokens
from crossover.settings import Auth, ServiceSettings, check_auth

PREFIX = "CROSSOVER_BRIDGE_"


class BridgeSettings(ServiceSettings):
    """Each field's description gives its unit, and why its default is what it is."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    listen_host: str = Field("127.0.0.1", description="Address to listen on. Loopback, until auth is set up.")
    listen_port: int = Field(8787, ge=0, le=65535, description="TCP port; 0 takes a free one and prints it.")
    auth: Auth = Field(
        Auth.NONE,
        description="`none` (loopback only: everyone is tenant `tenant`) or `tokens` (see tokens_file).",
    )
    tokens_file: Path | None = Field(
        None,
        description="JSON list of token hashes, as `crossover token new` prints them. Re-read on change.",
    )
    tenant: str = Field("default", description="The tenant of all callers while auth is `none`.")
    registry_file: Path | None = Field(
        None,
        description="YAML of `apps` and `tenants`. Without one, auth=none may start any workflow type "
        "and auth=tokens may start nothing.",
    )
    temporal_address: str = Field("127.0.0.1:7233", description="host:port of Temporal's frontend.")
    temporal_namespace: str = Field(
        "default", description="Temporal namespace of tenants whose registry entry names none."
    )
    temporal_api_key_file: Path | None = Field(None, description="API key (Temporal Cloud); turns TLS on.")
    temporal_tls: bool = Field(False, description="TLS with the system's certificate authorities.")
    temporal_tls_server_ca: Path | None = Field(
        None, description="CA of Temporal's certificate; turns TLS on."
    )
    temporal_tls_client_cert: Path | None = Field(None, description="Client certificate for mTLS.")
    temporal_tls_client_key: Path | None = Field(None, description="Key of the client certificate.")
    temporal_tls_server_name: str | None = Field(
        None, description="Name to expect in Temporal's certificate."
    )
    temporal_ui_url: str | None = Field(None, description="Base URL for links to Temporal's UI in run views.")
    argo_ui_url: str | None = Field(None, description="Base URL for links to Argo's UI in run views.")
    logs_url: str | None = Field(None, description="Base URL of the log streamer for links in run views.")
    argo_server_url: str | None = Field(
        None,
        description="Argo Server to ask whether a workflow was stopped. Without it and argo_kubernetes_url, "
        "a step that gets SIGTERM detaches.",
    )
    argo_kubernetes_url: str | None = Field(
        None, description="Kubernetes API to ask instead; needs `get` on workflows."
    )
    argo_token_file: Path | None = Field(
        None, description="Bearer token for either; re-read on every request."
    )
    argo_ca_file: Path | None = Field(None, description="CA of either's certificate.")
    body_limit: int = Field(
        1_048_576, ge=1024, description="Bytes of a request body. Temporal takes 2 MB in one payload."
    )
    long_poll_limit: int = Field(
        500,
        ge=0,
        description="Runs waited for by a Temporal long poll each. Temporal allows 1,200 per namespace and "
        "frontend, for all callers together; runs beyond it are noticed by the sweep, about a second later.",
    )
    sweep_interval: float = Field(
        1.0, gt=0, description="Seconds between visibility queries; Temporal's default limit is 10 a second."
    )
    refresh_rate: float = Field(
        8.0, gt=0, description="Describes per second for progress and problems of all waiting runs together."
    )
    refresh_interval: float = Field(
        2.0, gt=0, description="Seconds between describes of one run while few runs wait."
    )
    linger: float = Field(
        10.0, gt=0, description="Seconds a watch outlives its last client, who usually asks again at once."
    )
    shutdown_grace: float = Field(
        10.0,
        ge=0,
        le=3600,
        description="Seconds for requests in flight after SIGTERM; waiting clients get 503 at once.",
    )
    log_level: str = Field(
        "info",
        pattern="^(?i:debug|info|warning|error)$",
        description="Least level logged: debug, info, warning or error.",
    )
    log_json: bool = Field(True, description="JSON lines; false gives text for people.")
    otlp_endpoint: str | None = Field(
        None,
        description="Base URL of an OTLP/HTTP collector for traces and metrics; none are sent without it.",
    )

    @field_validator("tenant")
    @classmethod
    def _tenant(cls, value: str) -> str:
        if not valid_tenant(value):
            raise ValueError("must be lower-case letters, digits and hyphens, 63 at most")
        return value

    @field_validator("temporal_ui_url", "argo_ui_url", "logs_url")
    @classmethod
    def _base(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else None

    @model_validator(mode="after")
    def _safe(self) -> BridgeSettings:
        check_auth(self.auth, self.listen_host, self.tokens_file)
        if self.argo_server_url and self.argo_kubernetes_url:
            raise ValueError("set argo_server_url or argo_kubernetes_url, not both")
        return self

    def authenticator(self) -> Authenticator:
        return StaticTokens(self.tokens_file) if self.tokens_file else Anyone(self.tenant)

    def registry(self) -> Registry:
        """Raises ValueError, naming the file and the place, for a registry that cannot be used."""
        if self.registry_file is None:
            return open_registry(self.tenant) if self.auth is Auth.NONE else Registry()
        try:
            return Registry.model_validate(yaml.safe_load(self.registry_file.read_text()) or {})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{self.registry_file}: {place}: {first['msg']}") from error
        except yaml.YAMLError as error:
            raise ValueError(f"{self.registry_file}: {error}") from error

    def connection(self) -> Connection:
        return Connection(
            address=self.temporal_address,
            namespace=self.temporal_namespace,
            api_key_file=self.temporal_api_key_file,
            tls=self.temporal_tls,
            tls_server_ca=self.temporal_tls_server_ca,
            tls_client_cert=self.temporal_tls_client_cert,
            tls_client_key=self.temporal_tls_client_key,
            tls_server_name=self.temporal_tls_server_name,
        )

    def links(self) -> LinkBases:
        return LinkBases(self.temporal_ui_url, self.argo_ui_url, self.logs_url)

    def waits(self) -> WaitSettings:
        return WaitSettings(
            long_poll_limit=self.long_poll_limit,
            sweep_interval=self.sweep_interval,
            refresh_rate=self.refresh_rate,
            refresh_interval=self.refresh_interval,
            linger=self.linger,
        )
