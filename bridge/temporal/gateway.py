"""The gateway to a real Temporal: connection, and the parts that speak over it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opentelemetry.trace import Tracer
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import GrpcCompression, TLSConfig

from bridge.metrics import Metrics
from bridge.steps.phases import IDENTITY
from bridge.temporal.approvals import KeptApprovals
from bridge.temporal.attributes import SearchAttributeNames
from bridge.temporal.controls import Controls
from bridge.temporal.owed import OwedRuns
from bridge.temporal.promises import Promises
from bridge.temporal.reads import Reads
from bridge.temporal.rpc import Rpc
from bridge.temporal.starts import Starts


@dataclass(frozen=True, slots=True)
class Connection:
    """Where Temporal is. Files are read at connect; `api_key_file` turns TLS on, as Temporal Cloud needs.

    `cluster` is the one whose runs are swept: several may share a Temporal namespace.
    """

    address: str
    namespace: str
    api_key_file: Path | None = None
    tls: bool = False
    tls_server_ca: Path | None = None
    tls_client_cert: Path | None = None
    tls_client_key: Path | None = None
    tls_server_name: str | None = None
    cluster: str = ""


class TemporalGateway(Reads, Starts, Controls, Promises, KeptApprovals, OwedRuns):
    """Implements `bridge.gateway.Gateway`."""

    def __init__(self, client: Client, metrics: Metrics, tracer: Tracer, cluster: str = "") -> None:
        rpc = Rpc(client, metrics, tracer)
        attributes = SearchAttributeNames(rpc)
        Reads.__init__(self, rpc, attributes)
        Starts.__init__(self, rpc, self, attributes)
        Controls.__init__(self, rpc)
        Promises.__init__(self, rpc)
        KeptApprovals.__init__(self, rpc, attributes)
        OwedRuns.__init__(self, rpc, attributes, cluster)


async def connect(where: Connection, metrics: Metrics, tracer: Tracer) -> TemporalGateway:
    """Lazy: the bridge starts without Temporal and says in /readyz that it is missing."""
    client = await Client.connect(
        where.address,
        namespace=where.namespace,
        identity=IDENTITY,
        api_key=where.api_key_file.read_text().strip() if where.api_key_file else None,
        tls=_tls(where),
        lazy=True,
        # Compressing a kilobyte costs both ends more than sending it: starts are a fifth faster without.
        grpc_compression=GrpcCompression.NONE,
        runtime=_quiet_runtime(),
    )
    return TemporalGateway(client, metrics, tracer, where.cluster)


def _quiet_runtime() -> Runtime:
    """The core warns on every fifth retry of every call; our own errors and metrics say it once."""
    quiet = LoggingConfig(filter=TelemetryFilter(core_level="ERROR", other_level="ERROR"))
    return Runtime(telemetry=TelemetryConfig(logging=quiet))


def _tls(where: Connection) -> TLSConfig | bool:
    given = (where.tls_server_ca, where.tls_client_cert, where.tls_client_key, where.tls_server_name)
    if not any(given):
        return where.tls or where.api_key_file is not None
    return TLSConfig(
        server_root_ca_cert=_bytes(where.tls_server_ca),
        client_cert=_bytes(where.tls_client_cert),
        client_private_key=_bytes(where.tls_client_key),
        domain=where.tls_server_name,
    )


def _bytes(path: Path | None) -> bytes | None:
    return path.read_bytes() if path else None
