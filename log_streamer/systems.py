"""The systems that this install reads from, and the locators over them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from log_streamer.settings import LogStreamerSettings
from log_streamer.sources.argo_server.client import ArgoServer
from log_streamer.sources.argo_server.workflows import PodExists, ServerWorkflowLocator
from log_streamer.sources.bridge.client import Bridge
from log_streamer.sources.bridge.runs import RunLocator
from log_streamer.sources.docker.containers import DockerLocator
from log_streamer.sources.docker.engine import Engine
from log_streamer.sources.kubernetes.client import KubernetesClient
from log_streamer.sources.kubernetes.pods import PodLocator
from log_streamer.sources.kubernetes.workflows import WorkflowLocator
from log_streamer.sources.local.processes import FileLocator
from log_streamer.sources.local.runner import RunnerLocator
from log_streamer.sources.source import Gone, Locator

NOTHING = (
    "nothing to read logs from: set kubernetes, argo_server_url, local_runs, worker_logs or docker_socket"
)


class Systems:
    """Clients are made here, once, and shared by all feeds. `close` them in the end.

    Raises ValueError when there is no system at all.
    """

    def __init__(self, settings: LogStreamerSettings) -> None:
        self._closing: list[Callable[[], Awaitable[None]]] = []
        self.locators: list[Locator] = []
        self._argo(settings)
        self._local(settings)
        if not self.locators:
            raise ValueError(NOTHING)
        if settings.bridge_url:
            bridge = Bridge(settings.bridge_url)
            self._closing.append(bridge.close)
            self.locators.append(RunLocator(bridge))

    def all(self) -> Sequence[Locator]:
        """In the order in which their word on how a trace ended counts."""
        return self.locators

    async def close(self) -> None:
        for close in self._closing:
            await close()

    def _argo(self, settings: LogStreamerSettings) -> None:
        client = None
        if access := settings.access():
            client = KubernetesClient(access)
            self._closing.append(client.close)
            self.locators += [WorkflowLocator(client), PodLocator(client)]
        if settings.argo_server_url:
            server = ArgoServer(settings.argo_server_url, settings.argo_token_file, settings.argo_ca_file)
            self._closing.append(server.close)
            self.locators.append(
                ServerWorkflowLocator(server, pod_exists=_exists_in(client) if client else None)
            )

    def _local(self, settings: LogStreamerSettings) -> None:
        if settings.local_runs:
            self.locators.append(RunnerLocator(settings.local_runs))
        if patterns := settings.worker_log_patterns():
            self.locators.append(FileLocator(patterns))
        if settings.docker_socket:
            engine = Engine(settings.docker_socket)
            self._closing.append(engine.close)
            self.locators.append(DockerLocator(engine))


def _exists_in(client: KubernetesClient) -> PodExists:
    async def exists(namespace: str, pod: str) -> bool:
        try:
            await client.get(f"/api/v1/namespaces/{namespace}/pods/{pod}")
        except Gone:
            return False
        return True

    return exists
