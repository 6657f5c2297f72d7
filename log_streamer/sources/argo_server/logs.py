"""Pod logs through the Argo Server: the way for whoever has no access to Kubernetes.

What the server does not do (argo-workflows util/logs/workflow-logger.go): it reads a pod once, and when
that ends or could not begin (a container that is still waiting), its stream goes on without it. So a
follow that stays quiet is doubted here, and opened anew by whoever reads.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Any

from crossover.contract.argo import FULFILLED, nodes_of
from log_streamer.model import Container
from log_streamer.sources.argo_server.client import ArgoServer
from log_streamer.sources.argo_server.keys import Place
from log_streamer.sources.source import Gone, Life, NotReady

ASK_AFTER = 10.0
"""Seconds without a line after which the node is asked whether it still runs."""

DOUBT_AFTER = 60.0
"""Seconds without a line after which a follow of a running node ends."""


class ServerLogs:
    """A LogSource of pods that are still there."""

    def __init__(
        self, server: ArgoServer, *, ask_after: float = ASK_AFTER, doubt_after: float = DOUBT_AFTER
    ) -> None:
        self._server = server
        self._ask_after = ask_after
        self._doubt_after = doubt_after

    def open(
        self, container: Container, *, since: int | None, follow: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._open(container, since, follow)

    @asynccontextmanager
    async def _open(
        self, container: Container, since: int | None, follow: bool
    ) -> AsyncGenerator[AsyncIterator[bytes]]:
        """The server goes on with the stream of an ended pod until the whole workflow is over, so such a
        one is not followed."""
        life = await self.life(container)
        if life is Life.WAITING:
            raise NotReady("The step's pod has not started yet.")
        if life is Life.GONE:
            raise Gone("The workflow does not exist any more.")
        follow = follow and life is Life.RUNNING
        place = Place.of(container)
        async with self._server.log(
            place.ref, container.pod, container.name, since=since, follow=follow
        ) as entries:
            read = self._followed(container, entries) if follow else _plain(entries, container.pod)
            async with aclosing(read) as lines:
                yield lines

    async def life(self, container: Container) -> Life:
        """By its node: the server does not tell of pods."""
        place = Place.of(container)
        try:
            workflow = await self._server.workflow(place.ref)
        except Gone:
            return Life.GONE
        return node_life(workflow, place)

    async def _followed(
        self, container: Container, entries: AsyncIterator[list[dict[str, Any]]]
    ) -> AsyncGenerator[bytes, None]:
        """Ends when the node is over and nothing has come since, or when it is better to open anew."""
        async with aclosing(_plain(entries, container.pod)) as arriving:
            last, over = time.monotonic(), False
            pending: asyncio.Future[bytes] | None = None
            try:
                while True:
                    pending = pending or asyncio.ensure_future(anext(arriving))
                    done, _ = await asyncio.wait((pending,), timeout=self._ask_after)
                    if done:
                        lines, pending = pending.result(), None
                        last, over = time.monotonic(), False
                        yield lines
                    elif over or time.monotonic() - last > self._doubt_after:
                        return
                    else:
                        over = await self.life(container) is not Life.RUNNING
            except StopAsyncIteration:
                pending = None
            finally:
                if pending is not None:
                    pending.cancel()
                    await asyncio.gather(pending, return_exceptions=True)


async def _plain(entries: AsyncIterator[list[dict[str, Any]]], pod: str) -> AsyncGenerator[bytes, None]:
    async for some in entries:
        if lines := b"".join([_line(entry) for entry in some if entry.get("podName") == pod]):
            yield lines


def _line(entry: Mapping[str, Any]) -> bytes:
    return str(entry.get("content", "")).encode("utf-8", "surrogatepass") + b"\n"


def node_life(workflow: Mapping[str, Any], place: Place) -> Life:
    """What a Workflow object tells of a node's container."""
    node = nodes_of(workflow).get(place.node)
    if workflow["metadata"].get("uid") != place.uid or node is None:
        return Life.GONE
    if node.get("phase") in FULFILLED or (node.get("startedAt") or "") != place.started_at:
        return Life.ENDED
    return Life.WAITING if node.get("phase") == "Pending" else Life.RUNNING
