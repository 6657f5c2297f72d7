"""Logs that Argo has kept of pods that are gone: the output artifact `<container>-logs`.

They are what the container wrote, without the runtime's timestamps.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager

import httpx

from log_streamer.lines.stamps import ZERO, split_stamp
from log_streamer.model import Container
from log_streamer.sources.argo_server.client import ArgoServer
from log_streamer.sources.argo_server.keys import Place
from log_streamer.sources.http import failure
from log_streamer.sources.local.forms import Plain
from log_streamer.sources.pods import StepContainer, step_containers
from log_streamer.sources.source import Gone, Life


def log_artifact(container: str) -> str:
    """The artifact's name. Source: argo-workflows workflow/executor (SaveLogs)."""
    return f"{container}-logs"


class ArchivedLogs:
    """A LogSource of archived logs. None of them grows; lines before the first that has a timestamp get
    the time at which the node was started."""

    def __init__(self, server: ArgoServer) -> None:
        self._server = server

    def open(
        self, container: Container, *, since: int | None, follow: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._open(container, since)

    @asynccontextmanager
    async def _open(self, container: Container, since: int | None) -> AsyncGenerator[AsyncIterator[bytes]]:
        place = Place.of(container)
        step = _step(await self._server.workflow(place.ref), place)
        if step is None:
            raise Gone("The step's log is not in the archive any more.")
        uid = place.uid if place.archived else None
        first = split_stamp(place.started_at.encode())[0] or ZERO
        async with (
            self._server.artifact(place.ref, uid, step.archive_node, log_artifact(place.container)) as chunks,
            aclosing(_dated(chunks, Plain(first, since))) as lines,
        ):
            yield lines

    async def life(self, container: Container) -> Life:
        place = Place.of(container)
        try:
            workflow = await self._server.workflow(place.ref)
        except Gone:
            return Life.GONE
        return Life.GONE if _step(workflow, place) is None else Life.ENDED


def _step(workflow: dict[str, object], place: Place) -> StepContainer | None:
    """The container, if its log is kept."""
    return next(
        (
            step
            for step in step_containers(workflow)
            if (step.node.id, step.name) == (place.node, place.container)
            and log_artifact(step.name) in step.artifacts
        ),
        None,
    )


async def _dated(chunks: AsyncIterator[bytes], form: Plain) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in chunks:
            if lines := form.feed(chunk):
                yield lines
    except httpx.HTTPError as error:
        raise failure(error, "The Argo Server") from error
    if lines := form.end():
        yield lines
