"""What is special about container logs in Kubernetes: lives, names used again, silent connections."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from log_streamer.model import Container, SourceName
from log_streamer.sources.kubernetes.client import KubernetesClient
from log_streamer.sources.kubernetes.lives import LifeKey
from log_streamer.sources.kubernetes.logs import PodLogs
from log_streamer.sources.source import Away, Gone, Life, NotReady
from testbed.pod_logs import PodLogServer
from tests.log_streamer.contract.reading import following, read, read_texts
from tests.log_streamer.kubernetes.cluster import cluster

Setup = tuple[PodLogServer, KubernetesClient]


@pytest.fixture
async def setup() -> AsyncGenerator[Setup, None]:
    async with cluster() as found:
        yield found


async def life(server: PodLogServer, name: str, restart: int = 0, **spec: object) -> Container:
    """Creates the pod; which life of its container is meant may be yet to come."""
    uid = (await server.pod(name, **spec))["metadata"]["uid"]
    return Container(str(LifeKey("default", uid, "main", restart)), SourceName.WORKER, name, "main")


def at(container: Container, restart: int) -> Container:
    key = f"{container.key.rsplit('/', 1)[0]}/{restart}"
    return Container(key, container.source, container.pod, container.name)


async def test_each_life_has_its_own_lines_and_only_the_newest_two_can_be_read(setup: Setup) -> None:
    server, client = setup
    logs, first = PodLogs(client), await life(server, "p")
    for restart in range(3):
        if restart:
            await server.start("p")
        await server.append("p", [f"life {restart}".encode()])
    assert await read_texts(logs, at(first, 2)) == [b"life 2"]
    assert await read_texts(logs, at(first, 1)) == [b"life 1"]
    with pytest.raises(Gone):
        await read(logs, first)
    with pytest.raises(NotReady):
        await read(logs, at(first, 3))
    lives = [await logs.life(at(first, restart)) for restart in range(4)]
    assert lives == [Life.ENDED, Life.ENDED, Life.RUNNING, Life.WAITING]


async def test_a_life_that_crashed_is_read_while_its_restart_is_waited_for(setup: Setup) -> None:
    server, client = setup
    logs, first = PodLogs(client), await life(server, "p")
    await server.append("p", [b"crash"])
    await server.end("p", backing_off=True)
    assert await logs.life(first) is Life.ENDED
    assert await read_texts(logs, first) == [b"crash"]
    with pytest.raises(NotReady):
        await read(logs, at(first, 1))


async def test_a_pod_that_took_the_name_of_another_is_not_mistaken_for_it(setup: Setup) -> None:
    server, client = setup
    logs, old = PodLogs(client), await life(server, "worker-0")
    await server.delete_pod("worker-0")
    new = await life(server, "worker-0")
    await server.append("worker-0", [b"of the new one"])
    assert await logs.life(old) is Life.GONE
    with pytest.raises(Gone):
        await read(logs, old)
    assert await read_texts(logs, new) == [b"of the new one"]


async def test_a_pod_without_a_node_is_not_ready(setup: Setup) -> None:
    server, client = setup
    container = await life(server, "p", scheduled=False, started=[])
    assert await PodLogs(client).life(container) is Life.WAITING
    with pytest.raises(NotReady):
        await read(PodLogs(client), container)


async def test_a_follow_that_reached_its_greatest_age_ends_though_the_container_runs(setup: Setup) -> None:
    server, client = setup
    logs, container = PodLogs(client), await life(server, "p", cut_after_s=2)
    await server.append("p", [b"one"])
    async with following(logs, container) as follow:
        await follow.ended()
        assert follow.texts() == [b"one"]
    assert await logs.life(container) is Life.RUNNING


async def test_a_follow_without_a_byte_ends_so_that_someone_asks_after_the_container(setup: Setup) -> None:
    server, client = setup
    container = await life(server, "p")
    logs = PodLogs(client, quiet=2)
    await server.append("p", [b"one"])
    async with following(logs, container) as follow:
        await follow.until(b"one")
        await follow.ended()
    assert await logs.life(container) is Life.RUNNING


async def test_a_server_that_dies_under_a_follow_is_away(setup: Setup) -> None:
    server, client = setup
    logs, container = PodLogs(client), await life(server, "p")
    await server.append("p", [b"one"])
    async with following(logs, container) as follow:
        await follow.until(b"one")
        await server.outage(True)
        with pytest.raises(Away):
            await follow.ended()
    with pytest.raises(Away) as away:
        await logs.life(container)
    assert server.url not in away.value.detail
    assert str(server.port) not in away.value.detail


async def test_timestamps_come_as_the_node_writes_them(setup: Setup) -> None:
    server, client = setup
    container = await life(server, "p", zone="+05:30")
    await server.append("p", [b"one"], ns=1_795_402_289_000_000_007)
    assert await read(PodLogs(client), container) == b"2026-11-23T08:21:29.000000007+05:30 one\n"


async def test_every_request_tells_which_container_and_asks_for_timestamps(setup: Setup) -> None:
    server, client = setup
    uid = (await server.pod("p", containers=["a", "b"]))["metadata"]["uid"]
    await server.append("p", [b"of b"], container="b")
    container = Container(str(LifeKey("default", uid, "b", 0)), SourceName.WORKER, "p", "b")
    assert await read_texts(PodLogs(client), container) == [b"of b"]


@pytest.mark.parametrize("key", ["", "docker/a/b/c/0", "kubernetes/default/uid/main/x", "kubernetes/a/b"])
async def test_a_key_of_another_system_is_refused(setup: Setup, key: str) -> None:
    _, client = setup
    with pytest.raises(ValueError):
        await read(PodLogs(client), Container(key, SourceName.WORKER, "p", "main"))
