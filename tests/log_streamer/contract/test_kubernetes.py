"""The contract, for pods and Workflow objects of the Kubernetes API."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from log_streamer.model import Container, SourceName
from log_streamer.sources.kubernetes.client import KubernetesClient
from log_streamer.sources.kubernetes.lives import LifeKey
from log_streamer.sources.kubernetes.logs import PodLogs
from log_streamer.sources.kubernetes.pods import PodLocator
from log_streamer.sources.source import Scope, Tenant
from testbed.pod_logs import PodLogServer
from tests.log_streamer.contract.backend import Can
from tests.log_streamer.contract.locator import LocatorContract
from tests.log_streamer.contract.log_source import LogSourceContract
from tests.log_streamer.kubernetes.cluster import argo_pod, cluster


class PodBackend:
    """Backend over the pod-log server: each container is the only one of a pod."""

    can = frozenset(Can)

    def __init__(self, server: PodLogServer, client: KubernetesClient) -> None:
        self._server = server
        self.source = PodLogs(client)

    async def create(self, name: str, *, started: bool = True) -> Container:
        pod = await self._server.pod(name, started=["main"] if started else [])
        key = LifeKey("default", pod["metadata"]["uid"], "main", 0)
        return Container(str(key), SourceName.ARGO, name, "main")

    async def start(self, container: Container) -> None:
        await self._server.start(container.pod)

    async def write(self, container: Container, *texts: bytes) -> None:
        await self._server.append(container.pod, texts)

    async def end(self, container: Container) -> None:
        await self._server.end(container.pod)

    async def cut(self, container: Container) -> None:
        await self._server.cut(container.pod)

    async def tear(self, container: Container, text: bytes) -> None:
        await self._server.tear(container.pod)
        await self._server.append(container.pod, [text])

    async def rotate(self, container: Container) -> None:
        await self._server.rotate(container.pod)

    async def remove(self, container: Container) -> None:
        await self._server.delete_pod(container.pod)

    async def overload(self, retry_after: float) -> None:
        await self._server.refuse(429, match="/log", retry_after=int(retry_after))

    async def fail(self) -> None:
        await self._server.refuse(503)

    async def deny(self) -> None:
        await self._server.rights(forbidden=["/log"])

    async def open_reads(self) -> int:
        return int((await self._server.stats())["open_reads"])


class TestPodLogs(LogSourceContract):
    @pytest.fixture
    async def backend(self) -> AsyncGenerator[PodBackend, None]:
        async with cluster() as (server, client):
            yield PodBackend(server, client)


class ArgoPodBackend:
    """LocatorBackend over the pods of Argo's steps."""

    can_fail = True

    def __init__(self, server: PodLogServer, client: KubernetesClient) -> None:
        self._server = server
        self.locator = PodLocator(client)

    def scope(self, trace_id: str) -> Scope:
        return Scope(Tenant("acme", argo_namespaces=("argo",)), trace_id)

    async def start(self, trace_id: str, name: str) -> None:
        await self._server.pod(name, **argo_pod(trace_id))

    async def start_elsewhere(self, trace_id: str, name: str) -> None:
        await self._server.pod(name, **argo_pod(trace_id, namespace="argo-of-others"))

    async def outage(self) -> None:
        await self._server.outage(True)

    async def recover(self) -> None:
        await self._server.outage(False)


class TestPodLocator(LocatorContract):
    @pytest.fixture
    async def backend(self) -> AsyncGenerator[ArgoPodBackend, None]:
        async with cluster() as (server, client):
            yield ArgoPodBackend(server, client)
