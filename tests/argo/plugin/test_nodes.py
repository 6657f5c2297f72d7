"""Nodes of a workflow, polled through the sidecar and a bridge, with a real Temporal behind them."""

from __future__ import annotations

import asyncio
import itertools
import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from temporalio.client import Client

from testbed.servers import PATIENCE, Bridge, TemporalServer
from tests.argo.plugin.agent_pod import (
    SLOW,
    AgentPod,
    agent_pod,
    asked,
    message,
    over,
    phase,
    tells,
    workflow,
)
from tests.argo.talker import finish

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parent / "recordings" / "plugin-requests.jsonl").read_text().splitlines()
]


def recorded(key: str | None = None) -> list[bytes]:
    """The recorded bodies; with the plugin's key changed, where one is given, and a workflow of their own."""
    bodies = []
    for each in RECORDED:
        body = json.loads(json.dumps(each["body"]))
        if key:
            body["template"]["plugin"] = {key: body["template"]["plugin"].pop("rec")}
        bodies.append(json.dumps(body, separators=(",", ":")).encode())
    return bodies


async def run_of(bridge: Bridge, metadata: dict[str, str]) -> dict[str, Any]:
    """The newest run of the workflow's one node."""
    runs = await runs_of(bridge, metadata)
    return runs[0]


async def runs_of(bridge: Bridge, metadata: dict[str, str]) -> list[dict[str, Any]]:
    listed = await bridge.http.get("/v1/runs", params={"trace_id": metadata["name"], "limit": 50})
    return [run for run in listed.json()["runs"] if metadata["uid"] in run["id"]]


def run_id(message: str) -> str:
    """From the link to Temporal's UI in a node's message."""
    return unquote(unquote(message.split("/workflows/")[1].split("/")[0]))


async def tell(client: Client, run: str, signal: str, what: Any) -> None:
    await finish(client.get_workflow_handle(run), signal, what)


async def test_the_recorded_requests_lead_to_a_run_and_to_its_outputs(pod: AgentPod, client: Client) -> None:
    first, second, third = recorded("crossover")
    reply = await pod.told(first)
    assert phase(reply) == "Pending"
    assert reply["requeue"]
    assert message(reply).count("http://temporal.test") == 1
    run = run_id(message(reply))
    assert run.startswith("crossover/default/argo/ac00b211-0203-4ece-8aa1-0f54aa0b95b3/extract-")
    again = await pod.poll(second)
    assert phase(again) in ("", "Pending")
    assert again["requeue"]
    await tell(client, run, "end", {"rows": 7})
    done = await pod.until(third, over)
    assert "requeue" not in done
    assert done["node"]["phase"] == "Succeeded"
    assert done["node"]["outputs"]["parameters"] == [{"name": "rows", "value": "7"}]
    assert json.loads(done["node"]["outputs"]["result"]) == {"rows": 7}
    again = await pod.told(third)
    assert (phase(again), again["node"]["outputs"]) == ("Succeeded", done["node"]["outputs"])


async def test_the_recorded_requests_as_they_are_belong_to_another_plugin(pod: AgentPod) -> None:
    for body in recorded():
        assert await pod.poll(body) == {}


async def test_sixteen_workers_that_ask_at_once_start_one_run(
    pod: AgentPod, bridge: Bridge, client: Client
) -> None:
    metadata = workflow("sixteen")
    body = asked(metadata)
    before = await bridge.metric("crossover_starts")
    replies = await asyncio.gather(*(pod.poll(body) for _ in range(16)))
    assert {phase(reply) for reply in replies} <= {"", "Pending"}
    said = [reply for reply in replies if tells(reply)]
    assert len(said) <= 1
    run = run_id(message(said[0] if said else await pod.told(body)))
    assert await bridge.metric("crossover_starts") == before + 1
    executions = [each async for each in client.list_workflows(f"WorkflowId = '{run}'")]
    assert len(executions) <= 1


async def test_a_failed_run_stays_failed_for_as_long_as_the_same_node_is_asked_for(
    pod: AgentPod, client: Client
) -> None:
    body = asked(workflow("failing"))
    run = run_id(message(await pod.told(body)))
    await tell(client, run, "end", {"fail": "no such table"})
    failed = await pod.until(body, over)
    assert failed["node"]["phase"] == "Failed"
    assert "no such table" in failed["node"]["message"]
    assert {str(await pod.told(body)) for _ in range(3)} == {str(failed)}


async def test_another_agent_pod_or_another_attempt_starts_a_failed_run_anew(
    pod: AgentPod, bridge: Bridge, client: Client, tmp_path: Path
) -> None:
    metadata = workflow("anew")
    body = asked(metadata)
    run = run_id(message(await pod.told(body)))
    first = (await client.get_workflow_handle(run).describe()).run_id
    await tell(client, run, "end", {"fail": "broken"})
    await pod.until(body, over)

    assert phase(await pod.told(asked(metadata, retries="1"))) == "Pending"
    second = (await client.get_workflow_handle(run).describe()).run_id
    assert second != first
    await tell(client, run, "end", {"fail": "broken again"})
    await pod.until(asked(metadata, retries="1"), over)

    async with agent_pod(tmp_path, bridge.url) as retried:  # `argo retry` makes a new agent pod
        assert phase(await retried.told(body)) == "Pending"
        third = (await client.get_workflow_handle(run).describe()).run_id
        assert third not in (first, second)


async def test_another_agent_pod_attaches_to_a_run_that_is_open(
    pod: AgentPod, bridge: Bridge, client: Client, tmp_path: Path
) -> None:
    body = asked(workflow("evicted"))
    run = run_id(message(await pod.told(body)))
    first = (await client.get_workflow_handle(run).describe()).run_id
    async with agent_pod(tmp_path, bridge.url) as replaced:
        assert run_id(message(await replaced.told(body))) == run
        assert (await client.get_workflow_handle(run).describe()).run_id == first


async def test_a_message_is_told_once_and_a_change_of_it_is_told(pod: AgentPod, client: Client) -> None:
    body = asked(workflow("telling"))
    said = [await pod.told(body)]
    run = run_id(message(said[0]))
    said += [await pod.poll(body) for _ in range(20)]
    assert all(reply["requeue"] for reply in said)
    words = [message(reply) for reply in said if reply["node"] != {}]
    assert all(before != after for before, after in itertools.pairwise(words))
    await tell(client, run, "progress", "3/7 tables")
    told = await pod.until(body, lambda reply: message(reply).startswith("3/7 tables"))
    assert phase(told) == "Pending"
    assert message(told).startswith("3/7 tables · http://temporal.test")


async def test_a_closed_run_is_told_at_the_next_question_and_needs_no_call_of_temporal(
    pod: AgentPod, bridge: Bridge, client: Client
) -> None:
    body = asked(workflow("closing"))
    run = run_id(message(await pod.told(body)))
    await tell(client, run, "end", {"rows": 1})
    await client.get_workflow_handle(run).result()
    async with asyncio.timeout(PATIENCE):
        while (await bridge.http.get(f"/v1/runs/{run}")).json()["exit_code"] is None:
            await asyncio.sleep(0.05)
    assert over(await pod.until(body, over))


async def test_declared_outputs_that_the_run_has_not_are_said(pod: AgentPod, client: Client) -> None:
    declared: dict[str, Any] = {
        "outputs": {"parameters": [{"name": "tables", "valueFrom": {"supplied": {}}}]}
    }
    body = asked(workflow("missing"), template=declared)
    run = run_id(message(await pod.told(body)))
    await tell(client, run, "end", {"rows": 1})
    node = (await pod.until(body, over))["node"]
    assert node["phase"] == "Error"
    assert "no output tables" in node["message"]


async def test_outputs_by_pointer_and_the_whole_result_are_given_where_they_are_declared(
    pod: AgentPod, client: Client
) -> None:
    declared: list[dict[str, Any]] = [
        {"name": name, "valueFrom": {"supplied": {}}} for name in ("tables", "result", "view")
    ]
    body = asked(
        workflow("declared"), template={"outputs": {"parameters": declared}}, outputs="tables=/counts/tables"
    )
    run = run_id(message(await pod.told(body)))
    await tell(client, run, "end", {"counts": {"tables": 3}})
    found = (await pod.until(body, over))["node"]["outputs"]["parameters"]
    values = {each["name"]: each["value"] for each in found}
    assert values["tables"] == "3"
    assert json.loads(values["result"]) == {"counts": {"tables": 3}}
    assert json.loads(values["view"])["mode"] == "plugin"


async def test_the_timeout_of_the_template_ends_the_run(pod: AgentPod) -> None:
    body = asked(workflow("late"), template={"timeout": "2s"}, timeout="1h")
    node = (await pod.until(body, over))["node"]
    assert node["phase"] == "Failed"
    assert "execution_timeout (2s)" in node["message"]


async def test_a_task_that_is_wrong_fails_its_node_by_naming_what_is(pod: AgentPod) -> None:
    node = (await pod.first(on_stop="cancel"))["node"]
    assert node["phase"] == "Error"
    assert node["message"].startswith("not started: plugin.crossover.on_stop: is unknown")


async def test_other_work_under_the_same_node_fails_it(pod: AgentPod) -> None:
    metadata = workflow("conflict")
    await pod.told(asked(metadata))
    node = (await pod.until(asked(metadata, input='{"connection":"other"}'), over))["node"]
    assert "another" in node["message"]


async def test_a_bridge_that_is_killed_and_comes_back_goes_on_with_the_same_run(
    temporal: TemporalServer, worker: object, client: Client, tmp_path: Path
) -> None:
    async with (
        Bridge(temporal.address, tmp_path / "bridge.log", temporal_ui_url="http://t.test") as bridge,
        agent_pod(tmp_path, bridge.url) as pod,
    ):
        body = asked(workflow("killed"))
        run = run_id(message(await pod.told(body)))
        first = (await client.get_workflow_handle(run).describe()).run_id
        await bridge.kill()
        away = await pod.until(body, lambda reply: reply["node"] != {})
        assert phase(away) == "Pending"
        assert message(away) in ("waiting for the bridge: connection refused", SLOW)
        assert [(await pod.poll(body))["node"] for _ in range(3)] == [{}, {}, {}]
        await tell(client, run, "end", {"fail": "while nobody looked"})
        await bridge.start()
        node = (await pod.until(body, over))["node"]
        assert (node["phase"], "while nobody looked" in node["message"]) == ("Failed", True)
        assert (await client.get_workflow_handle(run).describe()).run_id == first


async def test_after_an_outage_the_message_of_the_run_replaces_that_of_the_outage(
    temporal: TemporalServer, worker: object, tmp_path: Path
) -> None:
    async with (
        Bridge(temporal.address, tmp_path / "bridge.log", temporal_ui_url="http://t.test") as bridge,
        agent_pod(tmp_path, bridge.url) as pod,
    ):
        body = asked(workflow("outage"))
        await pod.told(body)
        bridge.program.process.send_signal(19)  # type: ignore[union-attr]  # SIGSTOP: it answers nothing
        assert message(await pod.poll(body)) == SLOW
        bridge.program.process.send_signal(18)  # type: ignore[union-attr]  # SIGCONT
        assert "http://t.test" in message(await pod.told(body))


async def test_temporal_away_is_a_word_and_no_failed_node(worker: object, tmp_path: Path) -> None:
    async with (
        Bridge("127.0.0.1:9", tmp_path / "bridge.log") as bridge,
        agent_pod(tmp_path, bridge.url) as pod,
    ):
        body = asked(workflow("alone"))
        told = await pod.told(body)
        assert told["node"]["phase"] == "Pending"
        assert told["node"]["message"].startswith("waiting: ")
        assert told["requeue"]
