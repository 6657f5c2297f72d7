"""What observers of a collection are told of its objects, whatever happens while nobody looks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from log_streamer.sources.gathering import Gathering
from log_streamer.sources.kubernetes.client import KubernetesClient
from log_streamer.sources.kubernetes.watches import Lost, Object, Objects, ObjectWatch, Troubles
from tests.log_streamer.contract.reading import until
from tests.log_streamer.kubernetes.cluster import cluster

PODS = Objects("/api/v1/namespaces/argo/pods")


class Told:
    """What it was told, in order."""

    def __init__(self) -> None:
        self.words: list[str] = []

    async def take(self, found: Object) -> None:
        self.words.append(f"take {found['metadata']['uid']}")

    async def lost(self, lost: Lost) -> None:
        self.words.append(f"lost {lost.uid}")

    async def looked(self) -> None:
        self.words.append("looked")

    async def over(self) -> None:
        self.words.append("over")

    async def hears(self, *words: str) -> None:
        """Those in a row, at the end."""

        async def heard() -> bool:
            return self.words[-len(words) :] == [*words]

        await until(heard)


@asynccontextmanager
async def observed(client: KubernetesClient) -> AsyncGenerator[tuple[Told, Troubles], None]:
    told = Told()
    troubles = Troubles("pods", Gathering(), told.over)
    task = asyncio.create_task(ObjectWatch(client, PODS, told, troubles).run())
    try:
        yield told, troubles
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_pod_made_anew_under_its_name_while_nobody_looked_is_another() -> None:
    async with cluster() as (server, client), observed(client) as (told, troubles):
        await server.pod("worker-0", namespace="argo", uid="first")
        await told.hears("looked", "take first")

        async def is_away() -> bool:
            return troubles.away

        await server.outage(True)
        await until(is_away)
        await server.delete_pod("worker-0", namespace="argo")
        await server.pod("worker-0", namespace="argo", uid="second")
        await server.compact()
        await server.outage(False)
        await told.hears("lost first", "take second", "looked", "over")


async def test_a_deleted_pod_is_lost_by_its_uid() -> None:
    async with cluster() as (server, client), observed(client) as (told, _):
        await server.pod("worker-0", namespace="argo", uid="first")
        await told.hears("looked", "take first")
        await server.delete_pod("worker-0", namespace="argo")
        await told.hears("lost first")
