"""What an operator can set, each by `CROSSOVER_AGENT_<NAME>`; docs/settings.md is made of this."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from bridge.argo.agent.http.rules import HttpRules
from bridge.argo.agent.scope import Scope
from bridge.settings import BridgeSettings
from bridge.waits.settings import WaitSettings
from crossover.kubernetes.access import IN_CLUSTER, Access, open_access
from crossover.settings import is_loopback

PREFIX = "CROSSOVER_AGENT_"
_OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class AgentSettings(BridgeSettings):
    """The bridge's settings, of which those of its API mean nothing here, and the agent's own."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    listen_port: int = Field(
        8789, ge=0, le=65535, description="TCP port of /healthz, /readyz and /metrics; 0 takes a free one."
    )
    kubernetes: str = Field(
        IN_CLUSTER,
        description=f"Where TaskSets and Workflows are: `{IN_CLUSTER}`, the path of a kubeconfig, or the URL "
        "of an API server.",
    )
    kubernetes_token_file: Path | None = Field(
        None, description="Bearer token for a URL in `kubernetes`; re-read."
    )
    kubernetes_ca_file: Path | None = Field(None, description="CA of that API server's certificate.")
    namespaces: str = Field(
        "", description="Argo namespaces to watch, by comma. Empty: all, with one watch for the cluster."
    )
    shard: str = Field(
        "0/1",
        description="`i/n`: this agent serves the i-th (from 0) of n shares of the namespaces. One agent "
        "carries 5,000 waiting tasks, so most need one.",
    )
    instance_id: str = Field(
        "",
        description="Instance id of the workflow-controller whose workflows are served; empty: the one that "
        "has none.",
    )
    elect: bool = Field(
        True, description="Replicas elect one that acts, by a Lease. false: for the only one there is."
    )
    lease_namespace: str | None = Field(
        None, description="Namespace of that Lease. Without it, the pod's own; outside of pods `default`."
    )
    pod: str | None = Field(
        None, description="This replica's name, for people who look at the Lease. Without it, the host's."
    )
    http: bool = Field(
        True,
        description="Whether `http` templates are executed too. Without agent pods nobody else would: their "
        "nodes would stay pending.",
    )
    http_hosts: str = Field(
        "*", description="Shell globs of the hosts that `http` templates may call, by comma, without ports."
    )
    http_refuse: str = Field(
        "",
        description="Further networks that they may not reach, by comma: the cluster's own (services, pods), "
        "for example; but the templates callback and approval call the bridge there. Loopback, link-local "
        "and the Kubernetes API are refused anyway.",
    )
    http_at_once: int = Field(64, ge=1, description="Requests of `http` templates at a time.")
    starts_at_once: int = Field(
        32, ge=1, le=1000, description="Runs that are being started at a time: what a small Temporal serves."
    )
    progress_rate: float = Field(
        5.0,
        gt=0,
        le=1000,
        description="Messages of waiting nodes written per second, of all together: each wakes Argo's "
        "controller. One node's come 10 s apart.",
    )
    long_poll_limit: int = Field(
        100,
        ge=0,
        description="Runs waited for by a Temporal long poll each, at three calls a minute. All others are "
        "noticed by the sweep, which is quick here.",
    )
    sweep_interval: float = Field(
        0.2, gt=0, description="Seconds between visibility queries; Temporal's default limit is 10 a second."
    )
    refresh_rate: float = Field(
        4.0, gt=0, description="Describes per second for progress and problems of all waiting runs together."
    )
    shutdown_grace: float = Field(
        5.0,
        ge=0,
        le=8,
        description="Seconds for writing what is known at SIGTERM. The Lease is given up after it, and a "
        "leader that does not end within ten is ended.",
    )

    @field_validator("shard")
    @classmethod
    def _shard(cls, value: str) -> str:
        number, slash, count = value.partition("/")
        if not (slash and number.isdecimal() and count.isdecimal() and int(number) < int(count)):
            raise ValueError("must be i/n, with i from 0 to n - 1")
        return value

    @model_validator(mode="after")
    def _admission(self) -> Self:
        """In place of the bridge's: here nobody calls, and the registry alone says who may start what."""
        if self.registry_file is None and not is_loopback(self.listen_host):
            raise ValueError(
                "without registry_file the agent starts anything, for every namespace, as one tenant: that "
                "is for one machine, so it listens on loopback only"
            )
        self.http_rules()
        return self

    def scope(self) -> Scope:
        shard, _, shards = self.shard.partition("/")
        return Scope(_list(self.namespaces), int(shard), int(shards), self.instance_id)

    def waits(self) -> WaitSettings:
        """Without first looks, two calls for each run: a queue without workers is told to all runs anyway,
        and other problems show when a run's turn to be refreshed comes."""
        return replace(super().waits(), first_looks=False)

    def http_rules(self) -> HttpRules:
        """Raises ValueError for what is no network."""
        hosts, refuse = _list(self.http_hosts), _list(self.http_refuse)
        return HttpRules(
            hosts=hosts, refuse=tuple(ip_network(each) for each in refuse), concurrency=self.http_at_once
        )

    def access(self) -> Access:
        """How the Kubernetes API is reached."""
        return open_access(
            self.kubernetes,
            os.environ,  # noqa: TID251 - this is a settings module
            token_file=self.kubernetes_token_file,
            ca_file=self.kubernetes_ca_file,
        )

    def lease_home(self) -> str:
        """The namespace of the Lease."""
        if self.lease_namespace:
            return self.lease_namespace
        return _OWN_NAMESPACE.read_text().strip() if _OWN_NAMESPACE.exists() else "default"

    def replica(self) -> str:
        return self.pod or socket.gethostname()


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
