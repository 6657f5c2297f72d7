"""What an Argo Server answers, and what the bridge makes of it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.responses import HTMLResponse, JSONResponse, Response

from bridge.argo.callbacks.target import Active, Done, find
from bridge.argo.server import ArgoServer, Completion, NotSet, escaped
from bridge.argo.workflows import Denied
from bridge.steps.record import Callback
from crossover.contract.argo import node_id
from crossover.contract.run import ArgoNode, Phase
from crossover.errors import Unavailable
from testbed.servers import PATIENCE
from tests.argo.callbacks.moments import NOW
from tests.argo.callbacks.servers import OUTPUTS, Server
from tests.fake_argo import FakeArgo

RECORDED = Path(__file__).parents[2] / "recordings" / "argo" / "set-calls.txt"
CALLBACK = Callback(None, "run", "r-1")
DONE = Completion(Phase.SUCCEEDED, "run done", {"rows": "42", "result": "{}"})


@pytest.fixture
async def client(server: Server) -> AsyncGenerator[ArgoServer, None]:
    client = ArgoServer.at(server.url, None, None)
    yield client
    await client.close()


async def waiting(client: ArgoServer, node: ArgoNode) -> Active:
    target = find(await client.get(node), node, CALLBACK, NOW)
    assert isinstance(target, Active), target
    return target


async def put(server: Server, node: ArgoNode, verb: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=PATIENCE) as http:
        reply = await http.put(f"/api/v1/workflows/{node.namespace}/{node.workflow}/{verb}", json=body)
    return reply.status_code, reply.json()


async def test_an_active_suspend_node_is_found_by_its_input_and_completed_with_its_outputs(
    server: Server, client: ArgoServer
) -> None:
    node = await server.suspended("r-1")
    target = await waiting(client, node)
    assert dict(target.supplied) == dict.fromkeys(OUTPUTS)
    workflow = await client.set(node, target.node_id, DONE)
    assert workflow is not None
    found = workflow["status"]["nodes"][target.node_id]
    assert (found["phase"], found["message"]) == ("Succeeded", "run done")
    values = {each["name"]: each["value"] for each in found["outputs"]["parameters"]}
    assert values == {"rows": "42", "result": "{}"}
    assert isinstance(find(workflow, node, CALLBACK, NOW), Done)


async def test_a_node_is_completed_once(server: Server, client: ArgoServer) -> None:
    node = await server.suspended("r-1")
    target = await waiting(client, node)
    await client.set(node, target.node_id, DONE)
    with pytest.raises(NotSet, match="no suspend nodes matching nodeFieldSelector: id="):
        await client.set(node, target.node_id, DONE)


@pytest.mark.parametrize("outputs", [{"other": "1"}, {"rows": "1", "other": "2"}])
async def test_an_output_that_is_not_declared_is_refused_and_nothing_is_set(
    server: Server, client: ArgoServer, outputs: dict[str, str]
) -> None:
    node = await server.suspended("r-1")
    target = await waiting(client, node)
    with pytest.raises(NotSet, match="other"):
        await client.set(node, target.node_id, Completion(Phase.SUCCEEDED, "", outputs))
    assert await waiting(client, node) == target


async def test_a_workflow_that_is_not_there_is_none(server: Server, client: ArgoServer) -> None:
    node = await server.suspended("r-1")
    await server.delete(node)
    assert await client.get(node) is None
    assert await client.set(node, "x", DONE) is None


async def test_a_stop_fails_the_suspend_node(server: Server, client: ArgoServer) -> None:
    node = await server.suspended("r-1")
    assert (await put(server, node, "stop", {}))[0] == 200
    workflow = await client.get(node)
    assert workflow is not None
    assert workflow["spec"]["shutdown"] == "Stop"


async def test_one_suspend_node_can_be_stopped(server: Server, client: ArgoServer) -> None:
    node = await server.suspended("r-1")
    target = await waiting(client, node)
    status, workflow = await put(server, node, "stop", {"nodeFieldSelector": f"id={target.node_id}"})
    assert (status, workflow["status"]["nodes"][target.node_id]["phase"]) == (200, "Failed")


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({"phase": "Succeeded"}, (500, 13)),
        ({"nodeFieldSelector": "id=x", "phase": "Running"}, (400, 3)),
        ({"nodeFieldSelector": "id=x", "phase": "Failed", "outputParameters": "[]"}, (400, 3)),
        ({"nodeFieldSelector": "inputs.parameters.run.value=r-2", "phase": "Failed"}, (500, 13)),
    ],
)
async def test_what_cannot_be_set_is_answered_with_these_codes(
    server: Server, body: dict[str, Any], answer: tuple[int, int]
) -> None:
    status, said = await put(server, await server.suspended("r-1"), "set", body)
    assert (status, said["code"]) == answer


async def test_a_value_with_the_selectors_own_signs_is_found(server: Server) -> None:
    value = "a=b,c\\d"
    node = await server.suspended(value)
    selector = f"inputs.parameters.run.value={escaped(value)}"
    assert (await put(server, node, "set", {"nodeFieldSelector": selector, "phase": "Failed"}))[0] == 200


async def test_the_fake_answers_as_recorded(argo: FakeArgo) -> None:
    node = {"namespace": "argo", "workflow": "susp-s5h88", "uid": "u"}
    argo.keep(node)
    argo.suspend(node, "r-1", outputs={"rows": None})
    parameters = argo.node(node, node_id("susp-s5h88", "susp-s5h88.wait"))["inputs"]["parameters"]
    parameters[0]["name"] = "run-id"
    async with httpx.AsyncClient(base_url=argo.url, trust_env=False, timeout=PATIENCE) as http:
        for asked, said, status in _recorded():
            reply = await http.put("/api/v1/workflows/argo/susp-s5h88/set", json=asked)
            assert reply.status_code == status
            assert status == 200 or reply.json() == json.loads(said)


def _recorded() -> list[tuple[dict[str, Any], str, int]]:
    lines = RECORDED.read_text().splitlines()
    calls = [lines[at : at + 3] for at in range(0, len(lines), 3)]
    return [
        (json.loads(asked.removeprefix("### ")), said, int(status.removeprefix("HTTP ")))
        for asked, said, status in calls
    ]


HERE = ArgoNode("argo", "wf", "u-1", "wf.x")


@pytest.fixture
async def bare(argo: FakeArgo) -> AsyncGenerator[ArgoServer, None]:
    client = ArgoServer.at(argo.url, None, None)
    yield client
    await client.close()


@pytest.mark.parametrize(
    "answer",
    [
        HTMLResponse("<h1>Log in</h1>"),
        HTMLResponse("404 page not found", status_code=404),
        JSONResponse({"kind": "Other"}, status_code=404),
        JSONResponse([]),
        JSONResponse({}),
        JSONResponse({"metadata": {"name": "wf"}}),
        JSONResponse({"metadata": {"uid": 7}}),
        Response(b"\xff\xfe{", media_type="application/json"),
        Response(status_code=302, headers={"location": "/login"}),
        JSONResponse({"code": 14, "message": "unavailable"}, status_code=503),
    ],
)
async def test_what_is_no_workflow_is_never_taken_for_one_that_is_gone(
    argo: FakeArgo, bare: ArgoServer, answer: Response
) -> None:
    argo.answer = answer
    with pytest.raises(Unavailable):
        await bare.get(HERE)
    with pytest.raises(Unavailable):
        await bare.set(HERE, "x", DONE)


@pytest.mark.parametrize("status", [401, 403])
async def test_missing_rights_are_told_apart_from_an_argo_that_is_away(
    argo: FakeArgo, bare: ArgoServer, status: int
) -> None:
    argo.answer = JSONResponse({"code": 7, "message": "forbidden"}, status_code=status)
    with pytest.raises(Denied, match="token"):
        await bare.get(HERE)
    with pytest.raises(Denied):
        await bare.set(HERE, "x", DONE)


async def test_an_argo_that_cannot_be_reached_is_unavailable() -> None:
    client = ArgoServer.at("http://127.0.0.1:1", None, None)
    with pytest.raises(Unavailable, match="ConnectError"):
        await client.get(HERE)
    await client.close()


async def test_kubernetes_own_not_found_counts_as_well(argo: FakeArgo, bare: ArgoServer) -> None:
    argo.answer = JSONResponse({"kind": "Status", "reason": "NotFound", "code": 404}, status_code=404)
    assert await bare.get(HERE) is None
