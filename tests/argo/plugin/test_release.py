"""SIGTERM of an agent pod: its workflow was stopped, or only the pod is going away."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request
from fastapi.responses import JSONResponse
from temporalio.client import Client, WorkflowExecutionStatus

from testbed.servers import PATIENCE, Bridge, TemporalServer
from tests.argo.plugin.agent_pod import AgentPod, agent_pod, asked, message, workflow
from tests.argo.plugin.test_nodes import run_id
from tests.fake_argo import FakeArgo


class Argo(FakeArgo):
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        super().__init__()

    async def _get(self, request: Request, namespace: str, name: str) -> JSONResponse:
        self.asked[name] += 1
        reply = await super()._get(request, namespace, name)
        assert isinstance(reply, JSONResponse)
        return reply


@pytest.fixture(scope="module")
async def argo() -> AsyncGenerator[Argo, None]:
    argo = Argo()
    async with argo:
        yield argo


@pytest.fixture(scope="module")
async def asking(
    temporal: TemporalServer, worker: object, argo: Argo, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Bridge, None]:
    """A bridge that can ask Argo."""
    log = tmp_path_factory.mktemp("asking") / "bridge.log"
    async with Bridge(
        temporal.address, log, argo_server_url=argo.url, temporal_ui_url="http://temporal.test"
    ) as bridge:
        yield bridge


def known(metadata: dict[str, str]) -> dict[str, str]:
    return {"workflow": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]}


async def begun(pod: AgentPod, client: Client, metadata: dict[str, str], **task: Any) -> str:
    """An open run of the workflow that visibility knows of; its id."""
    run = run_id(message(await pod.told(asked(metadata, **task))))
    await until_listed(client, run)
    return run


async def until_listed(client: Client, run: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not [each async for each in client.list_workflows(f"WorkflowId = '{run}'")]:
            await asyncio.sleep(0.1)


async def status(client: Client, run: str) -> WorkflowExecutionStatus | None:
    return (await client.get_workflow_handle(run).describe()).status


async def until_cancelled(client: Client, run: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while await status(client, run) is not WorkflowExecutionStatus.CANCELED:
            await asyncio.sleep(0.05)


async def test_a_stopped_workflow_ends_its_runs_and_asks_for_the_workflow_once(
    asking: Bridge, argo: Argo, client: Client, tmp_path: Path
) -> None:
    metadata = workflow("stopped")
    async with agent_pod(tmp_path, asking.url) as pod:
        argo.keep(known(metadata), shutdown="Stop")
        runs = [await begun(pod, client, metadata, node=f"stopped.{name}") for name in ("a", "b", "c")]
        left = await begun(pod, client, metadata, node="stopped.d", on_cancel="abandon")
        assert await pod.sidecar.stop() == 0
        said = json.loads(pod.log.read_text().split("argo/stopped: ")[1])
    assert set(said["cancelled"]) == set(runs)
    assert "Stop" in said["reason"]
    assert argo.asked["stopped"] == 1
    for run in runs:
        await until_cancelled(client, run)
    assert await status(client, left) is WorkflowExecutionStatus.RUNNING


async def test_an_evicted_pod_leaves_its_runs_alone(
    asking: Bridge, argo: Argo, client: Client, tmp_path: Path
) -> None:
    metadata = workflow("evicted-pod")
    argo.keep(known(metadata))
    async with agent_pod(tmp_path, asking.url) as pod:
        run = await begun(pod, client, metadata)
        assert await pod.sidecar.stop() == 0
        assert '"the Argo workflow goes on"' in pod.log.read_text()
    assert await status(client, run) is WorkflowExecutionStatus.RUNNING


async def test_an_argo_that_cannot_be_asked_leaves_the_runs_alone(
    asking: Bridge, argo: Argo, client: Client, tmp_path: Path
) -> None:
    metadata = workflow("unknown-pod")
    argo.break_for(metadata["name"])
    async with agent_pod(tmp_path, asking.url) as pod:
        run = await begun(pod, client, metadata)
        assert await pod.sidecar.stop() == 0
    assert await status(client, run) is WorkflowExecutionStatus.RUNNING


async def test_runs_of_other_modes_and_of_other_workflows_are_not_the_pods(
    asking: Bridge, argo: Argo, client: Client
) -> None:
    stopped, other = workflow("mixed"), workflow("other")
    argo.keep(known(stopped), shutdown="Terminate")
    started = []
    for metadata in (stopped, other):
        body = {
            "workflow_type": "Extract",
            "task_queue": "pg",
            "argo": {**known(metadata), "node_name": f"{metadata['name']}.step"},
        }
        started.append((await asking.http.post("/v1/runs", json=body)).json()["id"])
    for run in started:
        await until_listed(client, run)
    reply = await asking.http.post("/v1/releases", json=known(stopped))
    assert reply.json() == {"cancelled": [], "reason": ""}
    for run in started:
        assert await status(client, run) is WorkflowExecutionStatus.RUNNING


async def test_a_bridge_that_is_away_holds_no_pod_back(tmp_path: Path) -> None:
    async with agent_pod(tmp_path, "http://127.0.0.1:9") as pod:
        await pod.poll(asked(workflow("orphan")))
        assert await pod.sidecar.stop() == 0
        assert "its runs are left to themselves: connection refused" in pod.log.read_text()


@pytest.mark.parametrize("changes", [{"uid": "a'b"}, {"uid": None}, {"namespace": "a/b"}, {"more": 1}])
async def test_a_release_names_a_workflow(asking: Bridge, changes: dict[str, Any]) -> None:
    reply = await asking.http.post("/v1/releases", json={**known(workflow()), **changes})
    assert reply.status_code == 422, reply.text
