"""One bridge and one worker for the package; tests that break things start their own."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import pytest
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from testbed.servers import Bridge, TemporalServer
from tests.bridge.application import ACTIVITIES, QUEUE, WORKFLOWS

_numbers = itertools.count()
Body = Callable[..., dict[str, Any]]


@pytest.fixture(scope="package")
async def worker(client: Client) -> AsyncGenerator[Worker, None]:
    async with make_worker(client) as worker:
        yield worker


def make_worker(client: Client) -> Worker:
    """The sandbox is the SDK's own test subject; without it workflows start faster here."""
    return Worker(
        client,
        task_queue=QUEUE,
        workflows=WORKFLOWS,
        activities=ACTIVITIES,
        workflow_runner=UnsandboxedWorkflowRunner(),
    )


@pytest.fixture(scope="package")
async def bridge(
    temporal: TemporalServer, worker: Worker, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Bridge, None]:
    log = tmp_path_factory.mktemp("bridge") / "bridge.log"
    async with Bridge(temporal.address, log, temporal_ui_url="http://temporal.test") as bridge:
        yield bridge


@pytest.fixture
def http(bridge: Bridge) -> httpx.AsyncClient:
    return bridge.http


def start_body(workflow_type: str = "Echo", **changes: Any) -> dict[str, Any]:
    """A start request for a node of a workflow of its own."""
    name = f"wf-{next(_numbers)}"
    argo = {"namespace": "argo", "workflow": name, "uid": str(uuid.uuid4()), "node_name": f"{name}.extract"}
    return {"workflow_type": workflow_type, "task_queue": QUEUE, "input": {}, "argo": argo, **changes}


async def started(http: httpx.AsyncClient, workflow_type: str = "Echo", **changes: Any) -> dict[str, Any]:
    """The view of a run that was just started."""
    reply = await http.post("/v1/runs", json=start_body(workflow_type, **changes))
    assert reply.status_code == 201, reply.text
    view: dict[str, Any] = reply.json()
    return view


async def ended(http: httpx.AsyncClient, run: str, within: int = 45) -> dict[str, Any]:
    """The view of a run that is over."""
    reply = await http.get(f"/v1/runs/{run}", params={"wait": f"{within}s"})
    assert reply.status_code == 200, reply.text
    view: dict[str, Any] = reply.json()
    assert view["exit_code"] is not None, view
    return view
