"""Which containers are found among pods, and that outages, restarts and strangers change nothing in it."""

from __future__ import annotations

import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from log_streamer.model import Container, Node, SourceName
from log_streamer.sources.kubernetes.client import KubernetesClient
from log_streamer.sources.kubernetes.pods import PodLocator, is_executor
from log_streamer.sources.source import Found, Scope, Tenant, WorkflowRef
from testbed.pod_logs import PodLogServer
from tests.log_streamer.contract.locator import Watching
from tests.log_streamer.contract.reading import until
from tests.log_streamer.kubernetes.cluster import BRIEF, argo_pod, cluster

SILENCE = 30.0
"""Seconds: longer than a machine stands still."""

Setup = tuple[PodLogServer, KubernetesClient]


@pytest.fixture
async def setup() -> AsyncGenerator[Setup, None]:
    async with cluster() as found:
        yield found


def acme(selector: str = "", *, workers: tuple[str, ...] = ("workers",)) -> Tenant:
    return Tenant("acme", ("argo",), workers, selector)


@asynccontextmanager
async def watching(client: KubernetesClient, scope: Scope, **options: Any) -> AsyncGenerator[Watching, None]:
    watch = Watching(PodLocator(client, **{"silence": SILENCE, **options}).watch(scope))
    try:
        yield watch
    finally:
        await watch.close()


def containers(watch: Watching) -> dict[str, Container]:
    """By pod, container and restart."""
    found = [one.container for one in watch.all if isinstance(one, Found)]
    return {f"{one.pod}/{one.name}/{one.key.rsplit('/', 1)[1]}": one for one in found}


async def test_a_steps_container_tells_its_argo_node(setup: Setup) -> None:
    server, client = setup
    await server.pod("wf-1-run-123", **argo_pod("wf-1", "load(0:a.csv)"))
    async with watching(client, Scope(acme(), "wf-1")) as watch:
        await watch.until(watch.looked)
        found = containers(watch)["wf-1-run-123/main/0"]
    assert found.node == Node("wf-1-load(0:a.csv)-id", "load(0:a.csv)")
    assert (found.source, found.shared) == (SourceName.ARGO, False)


async def test_init_containers_and_sidecars_are_found_and_argoexecs_only_on_demand(setup: Setup) -> None:
    server, client = setup
    names = ["main", "wait", "database"]
    await server.pod(
        "p", **argo_pod("wf-1", containers=names, init_containers=["init", "fetch"]),
        started=["init", "fetch", *names],
    )  # fmt: skip
    async with watching(client, Scope(acme(), "wf-1")) as watch:
        await watch.until(watch.looked)
        assert set(containers(watch)) == {"p/main/0", "p/database/0", "p/fetch/0"}
    async with watching(client, Scope(acme(), "wf-1"), executor_containers=True) as watch:
        await watch.until(watch.looked)
        executors = {name for name, container in containers(watch).items() if is_executor(container)}
        assert executors == {"p/init/0", "p/wait/0"}


async def test_an_agents_pod_shows_its_plugins_and_has_no_node(setup: Setup) -> None:
    server, client = setup
    pod = argo_pod("wf-1", containers=["main", "crossover"], annotations={})
    await server.pod("wf-1-1340600742-agent", **pod)
    async with watching(client, Scope(acme(), "wf-1")) as watch:
        await watch.until(watch.looked)
        (found,) = containers(watch).values()
        assert (found.name, found.node) == ("crossover", None)


async def test_a_container_is_found_once_it_has_started(setup: Setup) -> None:
    server, client = setup
    await server.pod("p", **argo_pod("wf-1"), started=[], scheduled=False)
    async with watching(client, Scope(acme(), "wf-1")) as watch:
        await watch.until(watch.looked)
        assert not watch.has("p")
        await server.start("p", namespace="argo")
        await watch.until(lambda: watch.has("p"))


async def test_each_life_of_a_container_is_found_by_itself(setup: Setup) -> None:
    server, client = setup
    await server.pod("p", **argo_pod("wf-1"))
    async with watching(client, Scope(acme(), "wf-1")) as watch:
        await watch.until(watch.looked)
        await server.start("p", namespace="argo")
        await watch.until(lambda: "p/main/1" in containers(watch))
        assert set(containers(watch)) == {"p/main/0", "p/main/1"}
    async with watching(client, Scope(acme(), "wf-1")) as late:
        await late.until(late.looked)
        assert set(containers(late)) == {"p/main/0", "p/main/1"}


async def test_a_pod_that_vanishes_is_no_trouble(setup: Setup) -> None:
    server, client = setup
    await server.pod("p", **argo_pod("wf-1"))
    async with watching(client, Scope(acme(), "wf-1")) as watch:
        await watch.until(watch.looked)
        await server.delete_pod("p", "argo")
        await server.pod("q", **argo_pod("wf-1"))
        await watch.until(lambda: watch.has("q"))
        assert not watch.troubles()


async def test_pods_of_a_workflow_that_is_learned_later_are_found(setup: Setup) -> None:
    server, client = setup
    await server.pod("p", **argo_pod("nightly-x7k"))
    scope = Scope(acme(), "wf-1")
    async with watching(client, scope) as watch:
        await watch.until(watch.looked)
        scope.add_workflow(WorkflowRef("argo", "nightly-x7k"))
        await watch.until(lambda: watch.has("p"))


async def test_workers_with_the_tenants_labels_are_found_and_are_shared(setup: Setup) -> None:
    server, client = setup
    await server.pod("w-1", namespace="workers", labels={"app": "worker", "tier": "a"})
    await server.pod("x-1", namespace="workers", labels={"app": "other"})
    async with watching(client, Scope(acme("app=worker,tier=a"), "wf-1")) as watch:
        await watch.until(watch.looked)
        (found,) = containers(watch).values()
        assert (found.pod, found.source, found.shared) == ("w-1", SourceName.WORKER, True)
        await server.pod("w-2", namespace="workers", labels={"app": "worker", "tier": "a"})
        await watch.until(lambda: watch.has("w-2"))


@pytest.mark.parametrize("identity", ["1234@w-7d9f-abcde", "1@w-7d9f-abcde@queue", "w-7d9f-abcde"])
async def test_workers_that_temporal_names_are_found_also_when_named_later(
    setup: Setup, identity: str
) -> None:
    server, client = setup
    await server.pod("w-7d9f-abcde", namespace="workers")
    await server.pod("w-7d9f-abcd", namespace="workers")
    scope = Scope(acme(), "wf-1", identities={"1@nobody"})
    async with watching(client, scope) as watch:
        await watch.until(watch.looked)
        assert not containers(watch)
        scope.add_identities({identity})
        await watch.until(lambda: watch.has("w-7d9f-abcde"))
        assert set(containers(watch)) == {"w-7d9f-abcde/main/0"}


async def test_other_tenants_namespaces_are_never_asked_for(setup: Setup) -> None:
    server, client = setup
    await server.pod("w-1", namespace="workers-of-others", labels={"app": "worker"})
    await server.pod("wf-1-a", **argo_pod("wf-1", namespace="argo-of-others"))
    scope = Scope(acme("app=worker"), "wf-1", identities={"1@w-1"})
    async with watching(client, scope) as watch:
        await watch.until(watch.looked)
        scope.add_workflow(WorkflowRef("argo-of-others", "wf-1"))
        await server.pod("own", **argo_pod("wf-1"))
        await watch.until(lambda: watch.has("own"))
        assert set(containers(watch)) == {"own/main/0"}
    paths = (await server.stats())["paths"]
    assert set(paths) == {"/api/v1/namespaces/argo/pods", "/api/v1/namespaces/workers/pods"}


async def test_a_resource_version_that_is_too_old_leads_to_a_new_list(setup: Setup) -> None:
    server, client = setup
    async with watching(client, Scope(acme(), "wf-1")) as watch:
        await watch.until(watch.looked)
        await server.compact()
        await server.pod("late", **argo_pod("wf-1"))
        await watch.until(lambda: watch.has("late"))
        assert not watch.troubles()


async def test_a_broken_connection_alone_is_no_trouble(setup: Setup) -> None:
    server, client = setup

    async def bookmarked() -> bool:
        return bool((await server.stats())["open_watches"])

    async with watching(client, Scope(acme(), "wf-1")) as watch:
        await watch.until(watch.looked)
        await until(bookmarked)
        await server.pod("before", **argo_pod("wf-1"))
        await watch.until(lambda: watch.has("before"))
        await server.break_watches()
        await server.pod("late", **argo_pod("wf-1"))
        await watch.until(lambda: watch.has("late"))
        assert not watch.troubles()


async def test_a_server_that_asks_for_patience_gets_it_and_is_told_of_once(setup: Setup) -> None:
    server, client = setup
    await server.pod("p", **argo_pod("wf-1"))
    await server.refuse(429, 2, retry_after=1)
    async with watching(client, Scope(acme(), "wf-1")) as watch:
        await watch.until(watch.looked)
        assert watch.has("p")
        assert len(watch.troubles()) == 1
    assert (await server.stats())["paths"]["/api/v1/namespaces/argo/pods"] <= 4


async def test_a_server_that_falls_silent_is_noticed_and_outwaited() -> None:
    """Its connections stay open and no error comes: a frozen process, or one that drains."""
    async with (
        cluster(limits=BRIEF) as (server, client),
        watching(client, Scope(acme(), "wf-1"), silence=1) as watch,
    ):
        process = server.program.process
        assert process is not None
        await watch.until(watch.looked)
        process.send_signal(signal.SIGSTOP)
        try:
            await watch.until(watch.troubles)
        finally:
            process.send_signal(signal.SIGCONT)
        await server.pod("late", **argo_pod("wf-1"))
        await watch.until(lambda: watch.has("late"))
        assert len(watch.troubles()) == 1


async def test_a_namespace_that_is_forbidden_is_told_and_does_not_hide_the_others(setup: Setup) -> None:
    server, client = setup
    await server.pod("p", **argo_pod("wf-1"))
    await server.rights(forbidden=["/namespaces/workers/"])
    async with watching(client, Scope(acme("app=worker"), "wf-1")) as watch:
        await watch.until(watch.looked)
        assert watch.has("p")
        (trouble,) = watch.troubles()
        assert "403" in trouble.detail


async def test_a_token_that_was_replaced_on_disk_is_used_at_once(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("first\n")
    async with cluster(token) as (server, client):
        await server.rights(["first"])
        async with watching(client, Scope(acme(), "wf-1")) as watch:
            await watch.until(watch.looked)
            token.write_text("second\n")
            await server.rights(["second"])
            await server.break_watches()
            await server.pod("late", **argo_pod("wf-1"))
            await watch.until(lambda: watch.has("late"))
            assert not watch.troubles()


async def test_a_token_that_nobody_knows_is_told_without_the_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("stale-secret")
    async with cluster(token) as (server, client):
        await server.rights(["another"])
        async with watching(client, Scope(acme(), "wf-1")) as watch:
            await watch.until(watch.troubles)
            assert "401" in watch.troubles()[0].detail
            assert "stale-secret" not in watch.troubles()[0].detail
