"""Workflows, their pods' logs and archived logs, from the Argo Server."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from log_streamer.model import Node, SourceName
from log_streamer.sources.argo_server.client import ArgoServer
from log_streamer.sources.argo_server.logs import ServerLogs
from log_streamer.sources.argo_server.workflows import ServerWorkflowLocator
from log_streamer.sources.source import Denied, Engine, Life, Looked, Scope, Tenant, WorkflowRef
from tests.log_streamer.argo_server_program import ArgoServerProgram, pod_node, workflow
from tests.log_streamer.contract.reading import following, read, read_texts
from tests.log_streamer.watched import watched

RECORDINGS = Path(__file__).parents[2] / "recordings" / "argo"
KEPT = {"outputs": {"artifacts": [{"name": "main-logs"}]}}


@pytest.fixture
async def program() -> AsyncGenerator[ArgoServerProgram, None]:
    async with ArgoServerProgram() as program:
        yield program


@pytest.fixture
async def server(program: ArgoServerProgram) -> AsyncGenerator[ArgoServer, None]:
    server = ArgoServer(program.url)
    yield server
    await server.close()


def scope_of(trace_id: str) -> Scope:
    return Scope(Tenant("default", ("argo",)), trace_id)


def recorded_workflows(name: str) -> list[dict[str, Any]]:
    lines = (RECORDINGS / "workflow-events.jsonl").read_text().splitlines()
    objects = [json.loads(line)["result"]["object"] for line in lines]
    return [each for each in objects if each["metadata"]["name"] == name]


@pytest.mark.parametrize("framing", ["jsonl", "sse"])
async def test_recorded_streams_are_read_byte_for_byte(
    program: ArgoServerProgram, server: ArgoServer, framing: str
) -> None:
    program.put(recorded_workflows("pods-8vmbw")[-1])
    program.recorded = (RECORDINGS / f"log-follow.{framing}").read_bytes()
    expected = [
        json.loads(line)["result"] for line in (RECORDINGS / "log-follow.jsonl").read_text().splitlines()
    ]
    async with watched(ServerWorkflowLocator(server), scope_of("pods-8vmbw")) as watch:
        await watch.until(lambda: watch.looked)
        assert {found.container.pod for found in watch.found} == {entry["podName"] for entry in expected}
        for found in watch.found:
            of_pod = [entry["content"] for entry in expected if entry["podName"] == found.container.pod]
            lines = await read(found.source, found.container)
            assert lines.decode().split("\n") == [*of_pod, ""]


async def test_a_recorded_workflow_is_told_of_to_its_end(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    first, *later = recorded_workflows("pods-8vmbw")
    program.put(first)
    async with watched(ServerWorkflowLocator(server), scope_of("pods-8vmbw")) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.engine == Engine("argo-server", over=False)
        for each in later:
            version = int(each["metadata"]["resourceVersion"])
            program.workflows["argo", "pods-8vmbw"] = each
            await watch.until(partial(program.has_shown, version))
        await watch.until(lambda: watch.engine == Engine("argo-server", over=True, phase="Succeeded"))
        assert watch.phases("a") == ["Pending", "Running", "Succeeded"]
        assert watch.phases("pods-8vmbw") == ["Running", "Succeeded"]
        assert [found.container.node for found in watch.found] == [
            Node("pods-8vmbw-56787995", "a"),
            Node("pods-8vmbw-73565614", "b"),
        ]


async def test_logs_of_pods_that_are_gone_come_from_the_archive(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    program.put(workflow("wf-1", pod_node("gone", "Succeeded", **KEPT), phase="Succeeded"))
    program.artifacts["argo/workflows/wf-1/gone/outputs/main-logs"] = (
        b"before any time\n"
        b"time=2026-11-21T02:00:03.5Z level=INFO msg=one\n"
        b"continued\n"
        b'{"ts": "2026-11-21T02:00:04Z", "msg": "two"}\n'
        b"without an end"
    )
    async with watched(ServerWorkflowLocator(server), scope_of("wf-1")) as watch:
        await watch.until(lambda: watch.looked)
        (found,) = watch.found
        assert (found.container.source, found.container.pod) == (SourceName.ARCHIVE, "gone")
        once = await read(found.source, found.container)
        assert once.split(b"\n") == [
            b"2026-11-21T02:00:01.000000000Z before any time",
            b"2026-11-21T02:00:03.500000000Z time=2026-11-21T02:00:03.5Z level=INFO msg=one",
            b"2026-11-21T02:00:03.500000000Z continued",
            b'2026-11-21T02:00:04.000000000Z {"ts": "2026-11-21T02:00:04Z", "msg": "two"}',
            b"2026-11-21T02:00:04.000000000Z without an end",
            b"",
        ]
        assert await read(found.source, found.container) == once
        assert len(await read_texts(found.source, found.container, since=1795226404)) == 2
        assert await found.source.life(found.container) is Life.ENDED


async def test_a_pod_that_is_still_there_is_read_although_its_log_is_archived(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    program.put(workflow("wf-1", pod_node("kept", "Succeeded", **KEPT), phase="Succeeded"))
    program.write("kept", b"from the pod")
    async with watched(ServerWorkflowLocator(server), scope_of("wf-1")) as watch:
        await watch.until(lambda: watch.looked)
        (found,) = watch.found
        assert found.container.source is SourceName.ARGO
        assert await read_texts(found.source, found.container) == [b"from the pod"]


async def test_with_kubernetes_only_logs_of_pods_that_it_lacks_are_offered(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    async def exists(namespace: str, pod: str) -> bool:
        return pod == "there"

    nodes = [pod_node(name, "Succeeded", **KEPT) for name in ("there", "gone")]
    program.put(workflow("wf-1", *nodes, pod_node("running")))
    async with watched(ServerWorkflowLocator(server, pod_exists=exists), scope_of("wf-1")) as watch:
        await watch.until(lambda: watch.looked)
        assert [found.container.pod for found in watch.found] == ["gone"]


async def test_a_workflow_that_is_only_archived_is_found(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    made = workflow("wf-1", pod_node("old", "Failed", **KEPT), phase="Failed")
    made["metadata"]["labels"]["workflows.argoproj.io/workflow-archiving-status"] = "Persisted"
    program.archive["uid-wf-1"] = made
    program.artifacts["argo/archived-workflows/uid-wf-1/old/outputs/main-logs"] = b"kept\n"
    async with watched(ServerWorkflowLocator(server), scope_of("wf-1")) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("argo-server", known=True)
        assert watch.engine == Engine("argo-server", over=True, phase="Failed")
        assert await read_texts(watch.found[0].source, watch.found[0].container) == [b"kept"]


async def test_a_workflow_that_is_deleted_while_it_runs_is_over(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    program.put(workflow("wf-1", pod_node("one")))
    async with watched(ServerWorkflowLocator(server), scope_of("wf-1")) as watch:
        await watch.until(lambda: watch.looked)
        program.delete("argo", "wf-1")
        await watch.until(lambda: watch.engine == Engine("argo-server", over=True))


async def test_workflows_that_others_add_to_the_scope_are_watched(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    program.put(workflow("other-flow", pod_node("step")))
    scope = scope_of("trace-1")
    async with watched(ServerWorkflowLocator(server), scope) as watch:
        await watch.until(lambda: watch.looked)
        assert watch.looked == Looked("argo-server", known=False)
        scope.add_workflow(WorkflowRef("argo", "other-flow"))
        await watch.until(lambda: watch.found)


async def test_a_container_set_has_a_log_for_each_container(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    pod = pod_node("set", children=["set-a", "set-b"])
    parts = [
        pod_node(f"set-{part}", type="Container", boundaryID="set", name=f"of.set.{part}") for part in "ab"
    ]
    program.put(workflow("wf-1", pod, *parts))
    async with watched(ServerWorkflowLocator(server), scope_of("wf-1")) as watch:
        await watch.until(lambda: watch.looked)
        containers = [found.container for found in watch.found]
        assert [(container.pod, container.name) for container in containers] == [("set", "a"), ("set", "b")]


async def test_a_quiet_follow_of_a_node_that_is_over_ends(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    """The server keeps its stream open until the whole workflow is over."""
    program.put(workflow("wf-1", pod_node("one")))
    program.write("one", b"line")
    logs = ServerLogs(server, ask_after=0.2, doubt_after=60)
    async with watched(ServerWorkflowLocator(server, logs=logs), scope_of("wf-1")) as watch:
        await watch.until(lambda: watch.found)
        async with following(logs, watch.found[0].container) as follow:
            await follow.until(b"line")
            program.put(workflow("wf-1", pod_node("one", "Succeeded"), pod_node("two")))
            await follow.ended()
        assert await logs.life(watch.found[0].container) is Life.ENDED


async def test_a_follow_that_is_quiet_for_long_is_ended_to_be_opened_anew(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    program.put(workflow("wf-1", pod_node("one")))
    logs = ServerLogs(server, ask_after=0.1, doubt_after=0.4)
    async with watched(ServerWorkflowLocator(server, logs=logs), scope_of("wf-1")) as watch:
        await watch.until(lambda: watch.found)
        async with following(logs, watch.found[0].container) as follow:
            await follow.ended()
        assert await logs.life(watch.found[0].container) is Life.RUNNING


async def test_an_error_within_a_stream_is_raised_after_the_lines_before_it(
    program: ArgoServerProgram, server: ArgoServer
) -> None:
    program.put(workflow("wf-1", pod_node("one")))
    line = {"result": {"content": "2026-11-21T02:00:01.000000000Z before", "podName": "one"}}
    error = {"error": {"grpc_code": 7, "http_code": 403, "message": "forbidden"}}
    program.recorded = b"".join(json.dumps(each).encode() + b"\n" for each in (line, error))
    logs = ServerLogs(server)
    async with watched(ServerWorkflowLocator(server, logs=logs), scope_of("wf-1")) as watch:
        await watch.until(lambda: watch.found)
        async with following(logs, watch.found[0].container) as follow:
            with pytest.raises(Denied):
                await follow.ended()
            assert follow.texts() == [b"before"]


async def test_the_token_is_read_anew_for_each_request(program: ArgoServerProgram, tmp_path: Path) -> None:
    program.put(workflow("wf-1"))
    file = tmp_path / "token"
    server = ArgoServer(program.url, token_file=file)
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        await server.workflow(WorkflowRef("argo", "wf-1"))
    await server.close()
    assert program.tokens == ["Bearer first", "Bearer second"]
