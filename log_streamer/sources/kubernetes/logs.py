"""Container logs from the Kubernetes API (`pods/log`).

Facts: `sinceTime` is cut to whole seconds by the API server; a follow ends after at most four hours, looking
like an ended log (kubelet, ListenAndServeKubeletServer); neither priority-and-fairness nor time-outs of the
API server apply to it.
"""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from log_streamer.model import Container
from log_streamer.sources.kubernetes.client import KubernetesClient, Rejected
from log_streamer.sources.kubernetes.lives import ContainerLife, LifeKey, container_lives
from log_streamer.sources.source import Away, Gone, Life, NotReady

QUIET = 300.0
"""Seconds without a byte after which a follow ends, for `life` to be asked: connections can die unnoticed."""

_TRIES = 3


class _Replaced(Gone):
    """A pod of the same name is there instead."""


class PodLogs:
    """LogSource over `pods/log`. Keys are `kubernetes/<namespace>/<pod uid>/<container>/<restart>`."""

    def __init__(self, client: KubernetesClient, *, quiet: float = QUIET) -> None:
        self._client = client
        self._quiet = quiet

    @asynccontextmanager
    async def open(
        self, container: Container, *, since: int | None, follow: bool
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """See LogSource. A pod's name may be taken by another pod, and a restart may come at any time: the
        pod is looked at before and after the log is opened, so that no other life's lines pass for these."""
        key = LifeKey.parse(container.key)
        params = _params(key, since, follow)
        for _ in range(_TRIES):
            previous = _previous(await self._newest(container, key), key)
            asked = params | ({"previous": "true"} if previous else {})
            async with self._log(container, key, asked) as chunks:
                if await self._still(container, key, previous):
                    yield chunks
                    return
        raise Away("The container restarts faster than its log can be opened.")

    async def life(self, container: Container) -> Life:
        """See LogSource."""
        key = LifeKey.parse(container.key)
        try:
            newest = await self._newest(container, key)
        except Gone:
            return Life.GONE
        return newest.of(key.restart) if newest else Life.WAITING

    async def _newest(self, container: Container, key: LifeKey) -> ContainerLife | None:
        """None: the pod's status does not tell of the container yet. Raises Gone and the like."""
        pod = await self._client.get(_path(key, container))
        if pod["metadata"]["uid"] != key.pod_uid:
            raise _Replaced("The pod was deleted; another one has its name.")
        return container_lives(pod).get(key.container)

    async def _still(self, container: Container, key: LifeKey, previous: bool) -> bool:
        """Whether what was opened with `previous` is of the life that is meant. A pod that has just been
        deleted cannot have restarted."""
        try:
            newest = await self._newest(container, key)
        except _Replaced:
            return False
        except Gone:
            return True
        return newest is not None and newest.previous(key.restart) is previous

    @asynccontextmanager
    async def _log(
        self, container: Container, key: LifeKey, params: dict[str, str]
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        quiet = self._quiet * random.uniform(0.8, 1.2)
        path = f"{_path(key, container)}/log"
        try:
            async with self._client.stream(path, params, quiet=quiet) as chunks:
                yield chunks
        except Rejected as error:
            if "previous" in params or "not valid" in error.detail:
                raise Gone("The log of this container's earlier life is gone.") from error
            raise NotReady(error.detail) from error


def _path(key: LifeKey, container: Container) -> str:
    return f"/api/v1/namespaces/{quote(key.namespace, safe='')}/pods/{quote(container.pod, safe='')}"


def _params(key: LifeKey, since: int | None, follow: bool) -> dict[str, str]:
    params: dict[str, Any] = {"container": key.container, "timestamps": "true"}
    if follow:
        params["follow"] = "true"
    if since is not None:
        params["sinceTime"] = f"{datetime.fromtimestamp(max(since, 0), UTC):%Y-%m-%dT%H:%M:%SZ}"
    return params


def _previous(newest: ContainerLife | None, key: LifeKey) -> bool:
    """Raises NotReady or Gone."""
    if newest is None or newest.of(key.restart) is Life.WAITING:
        raise NotReady("The container has not started.")
    previous = newest.previous(key.restart)
    if previous is None or newest.of(key.restart) is Life.GONE:
        raise Gone("The node does not keep the log of this container's life any more.")
    return previous
