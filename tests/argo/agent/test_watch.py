"""Lists and watches of a real API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import pytest

from crossover.kubernetes.access import from_kubeconfig, from_url
from crossover.kubernetes.client import KubernetesClient
from crossover.kubernetes.errors import Away, Missing
from crossover.kubernetes.watch import Changed, Event, Gone, Interrupted, Listed, Resumed, Watch
from testbed.kubernetes.admin import CONFIG_MAPS, Admin
from testbed.kubernetes.control_plane import ControlPlane
from testbed.servers import PATIENCE
from tests.argo.conftest import Cluster


@pytest.fixture
async def api(control_plane: Cluster) -> AsyncGenerator[KubernetesClient, None]:
    client = KubernetesClient(from_kubeconfig(control_plane.kubeconfig))
    yield client
    await client.close()


async def test_pages_of_a_list_are_told_as_one_list_and_then_what_happens(
    api: KubernetesClient, admin: Admin, namespace: str
) -> None:
    for number in range(5):
        await make(admin, namespace, f"m-{number}", watched="yes")
    await make(admin, namespace, "other", watched="no")
    async with aclosing(Watch(api, CONFIG_MAPS.path(namespace), "watched=yes", page=2).events()) as events:
        listed = [await following(events) for _ in range(6)]
        assert [told(each) for each in listed] == [*(f"listed m-{number}" for number in range(5)), "all"]
        await make(admin, namespace, "new", watched="yes")
        assert told(await following(events)) == "seen new"
        await admin.patch(CONFIG_MAPS, "m-1", {"metadata": {"labels": {"watched": "no"}}}, namespace)
        assert told(await following(events)) == "gone m-1"
        await admin.delete(CONFIG_MAPS, "m-2", namespace)
        assert told(await following(events)) == "gone m-2"


async def test_a_watch_that_cannot_be_continued_lists_again_and_tells_what_is_gone(
    api: KubernetesClient, admin: Admin, own_control_plane: ControlPlane, namespace: str
) -> None:
    for name in ("kept", "lost"):
        await make(admin, namespace, name)
    restarts: list[str] = []
    watch = Watch(api, CONFIG_MAPS.path(namespace), restarted=restarts.append)
    async with aclosing(watch.events()) as events:
        assert [told(await following(events)) for _ in range(3)] == ["listed kept", "listed lost", "all"]
    await admin.delete(CONFIG_MAPS, "lost", namespace)
    await own_control_plane.kill_api()
    await own_control_plane.start_api()
    watch._version = "1"  # older than what the API server remembers, as for a watch that was away for long
    async with aclosing(watch.events()) as events:
        assert [told(await following(events)) for _ in range(3)] == ["listed kept", "gone lost", "all"]
    assert "expired" in restarts


async def test_a_silent_watch_is_begun_anew_where_it_stood(
    api: KubernetesClient, admin: Admin, namespace: str
) -> None:
    restarts: list[str] = []
    watch = Watch(api, CONFIG_MAPS.path(namespace), restarted=restarts.append, silence=0.3)
    async with aclosing(watch.events()) as events:
        assert told(await following(events)) == "all"
        coming = asyncio.ensure_future(following(events))
        async with asyncio.timeout(PATIENCE):
            while len(restarts) < 2:
                await asyncio.sleep(0.05)
        await make(admin, namespace, "late")
        assert told(await coming) == "seen late"
    assert set(restarts) == {"ended"}


async def test_an_outage_is_told_and_its_end_once_the_watch_goes_on(
    api: KubernetesClient, admin: Admin, own_control_plane: ControlPlane, namespace: str
) -> None:
    await make(admin, namespace, "kept")
    async with aclosing(Watch(api, CONFIG_MAPS.path(namespace)).events()) as events:
        assert [told(await following(events)) for _ in range(2)] == ["listed kept", "all"]
        await own_control_plane.kill_api()
        begins = await anything(events)
        assert isinstance(begins, Interrupted)
        assert begins.first
        await own_control_plane.start_api()
        await make(admin, namespace, "late")
        meanwhile: list[Event] = []
        while not isinstance(event := await anything(events), Resumed):
            meanwhile.append(event)
    assert not [each for each in meanwhile if isinstance(each, Interrupted) and each.first]
    assert "late" in [each.object["metadata"]["name"] for each in meanwhile if isinstance(each, Changed)]


async def test_only_the_apis_own_word_says_that_something_is_missing(api: KubernetesClient) -> None:
    """A load balancer without backends answers 404 as well: were it believed, all runs would be cancelled."""
    path = CONFIG_MAPS.path("default", "nothing")
    with pytest.raises(Missing):
        await api.get(path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 14\r\n\r\n<h1>Gone?</h1>")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        proxied = KubernetesClient(from_url(url, None, None))
        with pytest.raises(Away):
            await proxied.get(path)
        await proxied.close()


async def make(admin: Admin, namespace: str, name: str, **labels: str) -> None:
    await admin.create(CONFIG_MAPS, {"metadata": {"name": name, "labels": labels}}, namespace)


async def anything(events: AsyncIterator[Event]) -> Event:
    return await asyncio.wait_for(anext(events), PATIENCE)


async def following(events: AsyncIterator[Event]) -> Event:
    """Of the objects: an API server that has just started may not be well yet."""
    while isinstance(event := await anything(events), Interrupted | Resumed):
        pass
    return event


def told(event: Event) -> str:
    if isinstance(event, Listed):
        return "all"
    if isinstance(event, Gone):
        return f"gone {event.name[1]}"
    assert isinstance(event, Changed)
    return f"{'seen' if event.live else 'listed'} {event.object['metadata']['name']}"
