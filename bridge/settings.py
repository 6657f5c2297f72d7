"""What an operator can set, each by `CROSSOVER_BRIDGE_<NAME>`; docs/settings.md is made of this."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from bridge.argo.callbacks.settings import CallbackSettings
from bridge.steps.registry import Registry, open_registry
from bridge.steps.view import LinkBases
from bridge.temporal.gateway import Connection
from bridge.waits.settings import WaitSettings
from crossover.identity.settings import IdentitySettings

PREFIX = "CROSSOVER_BRIDGE_"
_CLUSTER_CA = Path("/var/run/secrets/kubernetes.io/serviceaccount/ca.crt")


class BridgeSettings(IdentitySettings):
    """Each field's description gives its unit, and why its default is what it is."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    listen_port: int = Field(8787, ge=0, le=65535, description="TCP port; 0 takes a free one and prints it.")
    registry_file: Path | None = Field(
        None,
        description="YAML of `apps` and `tenants`. Without one, auth=none may start any workflow type "
        "and all others may start nothing.",
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
        description="Argo Server: completes the suspend nodes of callbacks and approvals, and tells whether "
        "a workflow was stopped. Without it and argo_kubernetes_url, a step that gets SIGTERM detaches, and "
        "runs of the modes plugin and callback outlive their nodes.",
    )
    argo_kubernetes_url: str | None = Field(
        None, description="Kubernetes API to ask instead; needs `get` on workflows."
    )
    argo_token_file: Path | None = Field(
        None, description="Bearer token for either; re-read on every request."
    )
    argo_ca_file: Path | None = Field(None, description="CA of either's certificate.")
    cluster: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._-]{0,63}$",
        description="Name of the cluster whose Argo this is, the same for its bridge and its agent. Runs are "
        "marked with it, and only those so marked are cancelled when their workflow is gone: another "
        "cluster's are not known here. Without it, a fingerprint of the cluster's CA in a pod; else none.",
    )
    argo_looks_per_second: float = Field(
        20.0,
        gt=0,
        le=1000,
        description="Workflows read a second to find suspend nodes that are still owed their run's end, and "
        "runs whose node was given up: up to 1,200 workflows with open runs are looked at each minute.",
    )
    callback_window: float = Field(
        86_400.0,
        gt=0,
        description="Seconds before its start whose closed callback runs a replica looks at for suspend "
        "nodes that still wait. A day: longer than an outage should last, and Temporal keeps closed "
        "runs for at least as long.",
    )
    redis_url: str | None = Field(
        None,
        description="redis://, rediss://, redis+sentinel:// or redis+cluster://: where flags, decisions, "
        "outcomes, quotas and the audit are kept for all replicas.",
    )
    redis_password_file: Path | None = Field(None, description="Password for it; wins over the URL's.")
    redis_ca_file: Path | None = Field(None, description="CA of its certificate.")
    redis_timeout: float = Field(
        0.4,
        gt=0,
        le=60,
        description="Seconds for one call to Redis, connecting included; then the replica does without it. "
        "Decisions wait half as long, for they ask twice. Raise it for a Redis that is far away.",
    )
    flags_file: Path | None = Field(
        None,
        description="Flag document (YAML or JSON) kept in a file, such as a mounted ConfigMap, instead of "
        "Redis; it is watched. Needs state_dir.",
    )
    flags_writable: bool = Field(
        False, description="Whether the API may write flags_file: for one replica on one machine."
    )
    kill: bool = Field(
        False,
        description="The kill switch of all flags for this replica, whatever the store says: for when Redis "
        "is away and cannot be told.",
    )
    state_dir: Path | None = Field(
        None,
        description="Directory of this replica's own: the last flag document known, and the versions of "
        "flags_file. Without it a replica that starts while Redis is away knows no flags: all is legacy.",
    )
    decision_days: float = Field(
        30.0, gt=0, le=3650, description="Days that a decision is pinned: longer than any workflow lives."
    )
    decision_patience: float = Field(
        0.25,
        gt=0,
        le=60,
        description="Seconds for asking Temporal whether a node that is decided has a run already; a new "
        "node is legacy without an answer. With redis_timeout as it is, a decision takes half a second at "
        "most. Raise it for a Temporal that is far away.",
    )
    audit_file: Path | None = Field(
        None, description="JSON lines to append the audit to, instead of Redis; rotation is yours."
    )
    audit_entries: int = Field(
        100_000, ge=1000, description="Entries of the audit that Redis keeps; all go to standard output too."
    )
    parity: str = Field(
        "",
        description="Parity verdicts that rollouts may wait for: NAME=FILE or NAME=URL, one a line.",
    )
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
    plugin_requeue: float = Field(
        5.0,
        ge=1,
        le=30,
        description="Seconds between two questions of Argo's agent about a node of the executor plugin; "
        "shorter while its run is young.",
    )
    shutdown_grace: float = Field(
        10.0,
        ge=0,
        le=3600,
        description="Seconds for requests in flight after SIGTERM; waiting clients get 503 at once.",
    )

    @field_validator("temporal_ui_url", "argo_ui_url", "logs_url")
    @classmethod
    def _base(cls, value: str | None) -> str | None:
        return value.rstrip("/") if value else None

    @model_validator(mode="after")
    def _safe(self) -> BridgeSettings:
        if self.argo_server_url and self.argo_kubernetes_url:
            raise ValueError("set argo_server_url or argo_kubernetes_url, not both")
        if self.flags_file and not self.state_dir:
            raise ValueError("flags_file needs state_dir: its versions are kept there")
        return self

    def registry(self) -> Registry:
        """Raises ValueError, naming the file and the place, for a registry that cannot be used."""
        if self.registry_file is None:
            return open_registry(self.tenant) if self.open else Registry()
        try:
            return Registry.model_validate(yaml.safe_load(self.registry_file.read_text()) or {})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ValueError(f"{self.registry_file}: {place}: {first['msg']}") from error
        except yaml.YAMLError as error:
            raise ValueError(f"{self.registry_file}: {error}") from error

    def parity_places(self) -> dict[str, str]:
        """Raises ValueError for a line that is not NAME=PLACE."""
        places = {}
        for line in filter(None, map(str.strip, self.parity.splitlines())):
            name, separator, place = line.partition("=")
            if not separator or not name.strip() or not place.strip():
                raise ValueError(f"parity: {line!r} is not NAME=FILE or NAME=URL")
            places[name.strip()] = place.strip()
        return places

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
            cluster=self.cluster_name(),
        )

    def cluster_name(self) -> str:
        """Given, or read off the service account that a pod has."""
        if self.cluster is not None or not _CLUSTER_CA.exists():
            return self.cluster or ""
        return hashlib.sha256(_CLUSTER_CA.read_bytes()).hexdigest()[:12]

    def callbacks(self) -> CallbackSettings:
        return CallbackSettings(window=self.callback_window, looks_per_second=self.argo_looks_per_second)

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
