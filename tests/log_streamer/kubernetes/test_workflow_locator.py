"""Workflow objects in Kubernetes: the states that are told, and when Argo is through with a trace."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from log_streamer.model import State
from log_streamer.sources.kubernetes.client import KubernetesClient
from log_streamer.sources.kubernetes.workflows import WorkflowLocator
from log_streamer.sources.source import Engine, Looked, Scope, Tenant, WorkflowRef
from testbed.pod_logs import PodLogServer
from tests.log_streamer.contract.locator import Watching
from tests.log_streamer.kubernetes.cluster import cluster

Setup = tuple[PodLogServer, KubernetesClient]

NAME = "kubernetes-workflows"


@pytest.fixture
async def setup() -> AsyncGenerator[Setup, None]:
    async with cluster() as found:
        yield found


@asynccontextmanager
async def watching(client: KubernetesClient, scope: Scope) -> AsyncGenerator[Watching, None]:
    watch = Watching(WorkflowLocator(client, silence=1).watch(scope))
    try:
        yield watch
    finally:
        await watch.close()


def acme(trace_id: str) -> Scope:
    return Scope(Tenant("acme", ("argo",)), trace_id)


def recorded(name: str) -> list[dict[str, Any]]:
    lines = Path("tests/recordings/argo/workflow-events.jsonl").read_text().splitlines()
    objects = (json.loads(line)["result"]["object"] for line in lines)
    return [found for found in objects if found["metadata"]["name"] == name]


def phases(watch: Watching) -> list[str]:
    return [f"{one.name} {one.phase}" for one in watch.all if isinstance(one, State)]


def engine(watch: Watching) -> Engine | None:
    engines = [one for one in watch.all if isinstance(one, Engine)]
    return engines[-1] if engines else None


async def test_a_recorded_workflow_is_followed_from_its_creation_to_its_end(setup: Setup) -> None:
    server, client = setup
    async with watching(client, acme("pods-8vmbw")) as watch:
        await watch.until(watch.looked)
        for version in recorded("pods-8vmbw"):
            await server.workflow(version)
        await watch.until(lambda: engine(watch) == Engine(NAME, over=True, phase="Succeeded"))
        assert phases(watch)[0] == "pods-8vmbw Running"
        assert phases(watch)[-1] == "pods-8vmbw Succeeded"
        assert phases(watch).count("a Running") == 1


async def test_a_workflow_that_has_ended_before_is_told_before_the_first_look_is_over(setup: Setup) -> None:
    server, client = setup
    await server.workflow(recorded("pods-8vmbw")[-1])
    async with watching(client, acme("pods-8vmbw")) as watch:
        await watch.until(watch.looked)
        assert watch.all[-1] == Looked(NAME, known=True)
        assert engine(watch) == Engine(NAME, over=True, phase="Succeeded")


async def test_of_a_trace_without_a_workflow_argo_is_through_after_the_first_look(setup: Setup) -> None:
    server, client = setup
    await server.workflow(recorded("pods-8vmbw")[-1])
    async with watching(client, acme("pods-8")) as watch:
        await watch.until(watch.looked)
        assert watch.all == [Engine(NAME, over=True, phase=None), Looked(NAME, known=False)]


async def test_a_workflow_that_is_learned_later_is_watched_too(setup: Setup) -> None:
    server, client = setup
    await server.workflow(recorded("susp-s5h88")[-1])
    scope = acme("order-7")
    async with watching(client, scope) as watch:
        await watch.until(watch.looked)
        scope.add_workflow(WorkflowRef("argo", "susp-s5h88"))
        await watch.until(lambda: "susp-s5h88 Succeeded" in phases(watch))


async def test_a_workflow_that_is_deleted_while_it_runs_is_over(setup: Setup) -> None:
    server, client = setup
    await server.workflow(recorded("pods-8vmbw")[1])
    async with watching(client, acme("pods-8vmbw")) as watch:
        await watch.until(watch.looked)
        assert engine(watch) == Engine(NAME, over=False)
        await server.delete_workflow("argo", "pods-8vmbw")
        await watch.until(lambda: engine(watch) == Engine(NAME, over=True, phase=None))


async def test_a_deletion_during_an_outage_is_noticed_after_it(setup: Setup) -> None:
    server, client = setup
    await server.workflow(recorded("pods-8vmbw")[1])
    async with watching(client, acme("pods-8vmbw")) as watch:
        await watch.until(watch.looked)
        await server.outage(True)
        await watch.until(watch.troubles)
        await server.delete_workflow("argo", "pods-8vmbw")
        await server.compact()
        await server.outage(False)
        await watch.until(lambda: engine(watch) == Engine(NAME, over=True, phase=None))
        assert len(watch.troubles()) == 1
