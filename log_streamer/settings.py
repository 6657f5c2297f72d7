"""What an operator can set, each by `CROSSOVER_LOG_STREAMER_<NAME>`; docs/settings.md is made of this."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from crossover.identity.settings import IdentitySettings
from crossover.kubernetes.access import IN_CLUSTER, Access, open_access
from crossover.stores.leases import Limits as StreamLimits
from crossover.stores.leases import Scope
from log_streamer.feed.settings import FeedSettings
from log_streamer.feed.viewer import Limits
from log_streamer.lines.secrets import Redactor
from log_streamer.tenants import Tenants, open_tenants, read_tenants

PREFIX = "CROSSOVER_LOG_STREAMER_"
LIMIT_SETTINGS = {
    Scope.PRINCIPAL: "STREAMS_PER_PRINCIPAL",
    Scope.TENANT: "STREAMS_PER_TENANT",
    Scope.CLUSTER: "STREAMS_PER_CLUSTER",
    Scope.REPLICA: "STREAMS_WITHOUT_REDIS",
}


class LogStreamerSettings(IdentitySettings):
    """Each field's description gives its unit, and why its default is what it is."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    listen_port: int = Field(8788, ge=0, le=65535, description="TCP port; 0 takes a free one and prints it.")
    tenants_file: Path | None = Field(
        None,
        description="YAML of `tenants`: each one's `argo_namespaces`, `worker_namespaces`, "
        "`worker_selector` and `streams` (instead of streams_per_tenant). Without it there is one tenant, "
        "`tenant`, with the three settings below.",
    )
    argo_namespaces: str = Field("argo", description="Namespaces of `tenant`'s Argo workflows, by comma.")
    worker_namespaces: str = Field(
        "", description="Namespaces of its Temporal workers' pods, by comma; none: those of its workflows."
    )
    worker_selector: str = Field(
        "",
        description="Label selector of its workers' pods. Without one only pods that Temporal names as "
        "workers of the trace's runs are read, which takes bridge_url.",
    )
    kubernetes: str | None = Field(
        None,
        description=f"Where pods and workflows are read: `{IN_CLUSTER}`, the path of a kubeconfig, or the "
        "URL of an API server. Without it, from Argo Server, files, or a container engine alone.",
    )
    kubernetes_token_file: Path | None = Field(
        None, description="Bearer token for a URL in `kubernetes`; re-read."
    )
    kubernetes_ca_file: Path | None = Field(None, description="CA of that API server's certificate.")
    argo_server_url: str | None = Field(
        None,
        description="Argo Server: archived logs of pods that are gone; without `kubernetes` also workflows "
        "and the logs of their pods.",
    )
    argo_token_file: Path | None = Field(None, description="Bearer token for it; re-read on every request.")
    argo_ca_file: Path | None = Field(None, description="CA of its certificate.")
    bridge_url: str | None = Field(
        None,
        description="The bridge: states of runs and activities, and which pods work on them. It is asked "
        "with the viewer's own token.",
    )
    local_runs: Path | None = Field(None, description="Directory of the local runner's workflows.")
    worker_logs: str = Field(
        "", description="Glob patterns of worker processes' log files, by comma; `{tenant}` is replaced."
    )
    docker_socket: Path | None = Field(
        None, description="Unix socket of a Docker or Podman engine whose labelled containers are read."
    )
    redis_url: str | None = Field(
        None,
        description="redis://, rediss://, redis+sentinel:// or redis+cluster://: where streams are counted "
        "for all replicas. Without it each replica counts its own.",
    )
    redis_password_file: Path | None = Field(None, description="Password for it; wins over the URL's.")
    redis_ca_file: Path | None = Field(None, description="CA of its certificate.")
    redis_timeout: float = Field(
        0.4,
        gt=0,
        le=60,
        description="Seconds for one call to Redis, connecting included; then the replica counts by itself. "
        "A viewer waits for it. Raise it for a Redis that is far away.",
    )
    streams_per_principal: int = Field(20, ge=1, description="Streams that one caller may have open.")
    streams_per_tenant: int = Field(200, ge=1, description="Streams that one tenant may have open.")
    streams_per_cluster: int = Field(1000, ge=1, description="Streams that all replicas together serve.")
    streams_without_redis: int = Field(
        20, ge=0, description="Streams of one replica up to which it admits new ones while Redis is away."
    )
    stream_lease: float = Field(
        30.0, ge=3, description="Seconds after which the streams of a killed replica are free again."
    )
    timeout: float = Field(900.0, gt=0, description="Seconds of one stream; viewers go on with its cursor.")
    max_lines: int = Field(20_000, ge=1, description="Lines of one stream.")
    line_limit: int = Field(
        16_384, ge=256, description="Bytes kept of a line; more than a screen, less than a page of memory."
    )
    window: float = Field(
        0.5,
        ge=0,
        le=30,
        description="Seconds that a line waits at most for older ones of other logs. Longer: fewer late "
        "lines where nodes' clocks differ; shorter: sooner on the screen.",
    )
    history_lines: int = Field(
        20_000, ge=100, description="Lines of a trace kept in memory for viewers who join or resume."
    )
    history_bytes: int = Field(33_554_432, ge=1_048_576, description="Bytes of memory for these, roughly.")
    container_limit: int = Field(500, ge=1, description="Logs followed for one trace.")
    linger: float = Field(
        30.0, ge=0, description="Seconds that a trace is followed on after its last viewer left."
    )
    drain: float = Field(
        2.0, ge=0, description="Seconds for the last lines to arrive after the workflow and its runs ended."
    )
    heartbeat: float = Field(15.0, gt=0, description="Seconds between signs of life; proxies cut at 60.")
    send_timeout: float = Field(
        30.0, gt=0, description="Seconds after which a viewer that takes nothing is cut off."
    )
    slow_limit: float = Field(
        30.0, gt=0, description="Seconds for which a viewer may lose lines by reading slowly, before the end."
    )
    redact: str = Field(
        "", description="Further secrets to mask, as RE2 patterns, one a line; many kinds are known already."
    )
    shutdown_grace: float = Field(
        10.0, ge=0, le=3600, description="Seconds for streams to end after SIGTERM; they are told at once."
    )

    @model_validator(mode="after")
    def _safe(self) -> LogStreamerSettings:
        if not self.open and self.tenants_file is None:
            raise ValueError(
                f"auth={self.auth} needs tenants_file: it says which namespaces a tenant may read"
            )
        self.redactor()
        return self

    def tenants(self) -> Tenants:
        """Raises ValueError, naming the file and the place, for a file that cannot be used."""
        if self.tenants_file is not None:
            return read_tenants(self.tenants_file)
        return open_tenants(
            self.tenant,
            _list(self.argo_namespaces),
            _list(self.worker_namespaces),
            self.worker_selector,
        )

    def access(self) -> Access | None:
        """How the Kubernetes API is reached, where it is read."""
        if not self.kubernetes:
            return None
        return open_access(
            self.kubernetes,
            os.environ,
            token_file=self.kubernetes_token_file,
            ca_file=self.kubernetes_ca_file,
        )

    def redactor(self) -> Redactor:
        """Raises ValueError, naming the pattern."""
        return Redactor([line.strip() for line in self.redact.splitlines() if line.strip()])

    def worker_log_patterns(self) -> tuple[str, ...]:
        return _list(self.worker_logs)

    def limits(self) -> Limits:
        return Limits(
            lines=self.max_lines,
            timeout=self.timeout,
            heartbeat=self.heartbeat,
            recheck=self.recheck,
            slow=self.slow_limit,
        )

    def streams(self) -> StreamLimits:
        return StreamLimits(
            principal=self.streams_per_principal,
            tenant=self.streams_per_tenant,
            cluster=self.streams_per_cluster,
        )

    def feed(self) -> FeedSettings:
        return FeedSettings(
            window=self.window,
            history_lines=self.history_lines,
            history_bytes=self.history_bytes,
            line_limit=self.line_limit,
            containers=self.container_limit,
            linger=self.linger,
            drain=self.drain,
            pace=self.history_lines // 2,
        )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
