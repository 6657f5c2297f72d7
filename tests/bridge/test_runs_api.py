"""The run API on a real Temporal: start, attach, wait, follow, list."""

from __future__ import annotations

import asyncio
import json
import uuid

import httpx
import pytest
from temporalio.client import Client

from bridge.api.models import HistoryView, RunList, RunView
from crossover.contract import names
from tests.bridge.conftest import ended, start_body, started
from tests.patience import PATIENCE

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_a_start_answers_with_a_view_and_its_address(http: httpx.AsyncClient) -> None:
    reply = await http.post("/v1/runs", json=start_body())
    view = RunView.model_validate(reply.json())
    assert reply.status_code == 201
    assert reply.headers["location"] == f"/v1/runs/{view.id}"
    assert view.phase in ("Pending", "Running")
    assert view.links.temporal is not None


async def test_a_run_is_waited_for_and_its_outputs_come_back(http: httpx.AsyncClient) -> None:
    run = await started(http, input={"sleep": 0.3}, outputs={"tables": "/counts/tables"})
    view = RunView.model_validate(await ended(http, run["id"]))
    assert (view.phase, view.exit_code) == ("Succeeded", 0)
    assert view.outputs is not None
    assert view.outputs.parameters == {"tables": "3"}
    assert view.outputs.result["given"]["sleep"] == 0.3


async def test_missing_outputs_are_an_error_of_the_step(http: httpx.AsyncClient) -> None:
    run = await started(http, outputs={"rows": "/nowhere"})
    view = await ended(http, run["id"])
    assert (view["phase"], view["exit_code"]) == ("Error", 1)
    assert "rows (/nowhere)" in view["message"]


async def test_the_same_start_attaches_while_it_runs_and_after_it_succeeded(http: httpx.AsyncClient) -> None:
    body = start_body(input={"sleep": 0.5})
    first = (await http.post("/v1/runs", json=body)).json()
    again = await http.post("/v1/runs", json=body)
    await ended(http, first["id"])
    after = await http.post("/v1/runs", json=body)
    assert (again.status_code, after.status_code) == (200, 200)
    assert after.json()["phase"] == "Succeeded"
    runs = {each["temporal"]["run_id"] for each in (first, again.json(), after.json())}
    assert len(runs) == 1


@pytest.mark.parametrize("wait", [False, True], ids=["running", "completed"])
@pytest.mark.parametrize(
    ("change", "field"),
    [({"input": {"sleep": 1, "x": 1}}, "input"), ({"workflow_type": "Talker"}, "workflow_type")],
    ids=["input", "type"],
)
async def test_other_work_under_the_same_node_is_a_conflict(
    http: httpx.AsyncClient, wait: bool, change: dict[str, object], field: str
) -> None:
    body = start_body(input={"sleep": 1})
    run = (await http.post("/v1/runs", json=body)).json()["id"]
    if wait:
        await ended(http, run)
    reply = await http.post("/v1/runs", json={**body, **change})
    assert (reply.status_code, reply.json()["field"]) == (409, field)
    assert reply.json()["exit_code"] == 2


async def test_a_failed_node_that_argo_retries_gets_a_new_run(http: httpx.AsyncClient) -> None:
    body = start_body(input={"fail": "no luck"})
    first = (await http.post("/v1/runs", json=body)).json()
    failed = await ended(http, first["id"])
    assert (failed["phase"], failed["exit_code"], failed["message"]) == ("Failed", 1, "Planned: no luck")
    assert failed["failure"]["type"] == "Planned"
    retried = await http.post("/v1/runs", json=body)
    assert retried.status_code == 201
    assert retried.json()["temporal"]["run_id"] != first["temporal"]["run_id"]
    assert retried.json()["id"] == first["id"]


async def test_scope_attempt_gives_every_retry_a_run_of_its_own(http: httpx.AsyncClient) -> None:
    body = start_body(scope="attempt")
    runs = []
    for retries in range(3):
        body["argo"]["retries"] = retries
        runs.append((await http.post("/v1/runs", json=body)).json()["id"])
    assert len(set(runs)) == 3


async def test_a_repeated_request_returns_its_own_run_even_when_that_has_failed(
    http: httpx.AsyncClient,
) -> None:
    body = start_body(input={"fail": "quickly"})
    key = {names.IDEMPOTENCY_HEADER: str(uuid.uuid4())}
    first = (await http.post("/v1/runs", json=body, headers=key)).json()
    await ended(http, first["id"])
    again = await http.post("/v1/runs", json=body, headers={**key, names.RETRY_HEADER: "1"})
    assert again.json()["temporal"]["run_id"] == first["temporal"]["run_id"]
    assert again.json()["phase"] == "Failed"


async def test_a_repeated_request_finds_its_run_also_when_the_chain_continued_as_new_and_failed(
    http: httpx.AsyncClient,
) -> None:
    body = start_body(input={"again": 1, "fail": "in the second run"})
    key = {names.IDEMPOTENCY_HEADER: str(uuid.uuid4())}
    first = (await http.post("/v1/runs", json=body, headers=key)).json()
    assert (await ended(http, first["id"]))["message"] == "Planned: in the second run"
    again = await http.post("/v1/runs", json=body, headers={**key, names.RETRY_HEADER: "1"})
    assert again.json()["temporal"]["first_run_id"] == first["temporal"]["first_run_id"]
    assert again.json()["phase"] == "Failed"


async def test_continue_as_new_is_followed_to_the_last_run(http: httpx.AsyncClient) -> None:
    run = await started(http, input={"again": 3, "sleep": 0.1})
    view = await ended(http, run["id"])
    assert view["phase"] == "Succeeded"
    assert view["temporal"]["first_run_id"] == run["temporal"]["run_id"] != view["temporal"]["run_id"]
    assert view["trace_id"] == run["trace_id"]


async def test_a_reset_run_keeps_its_view_and_its_waiters(http: httpx.AsyncClient) -> None:
    run = await started(http, "Talker")
    waiting = asyncio.create_task(ended(http, run["id"]))
    await http.post(f"/v1/runs/{run['id']}/signal", json={"name": "say", "args": ["before"]})
    await _until_history(http, run["id"], "WORKFLOW_TASK_COMPLETED")
    reset = await http.post(f"/v1/runs/{run['id']}/reset", json={"reason": "new worker"})
    assert reset.status_code == 200, reset.text
    await http.post(f"/v1/runs/{run['id']}/signal", json={"name": "say", "args": ["done"]})
    view = await waiting
    assert (view["phase"], view["temporal"]["run_id"]) == ("Succeeded", reset.json()["run_id"])
    assert view["outputs"]["result"] == ["before", "done"]


async def _until_history(http: httpx.AsyncClient, run: str, event: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            events = (await http.get(f"/v1/runs/{run}/history")).json()["events"]
            if f"EVENT_TYPE_{event}" in {each["eventType"] for each in events}:
                return
            await asyncio.sleep(0.05)


async def test_wait_ends_with_the_present_view_when_the_time_is_up(http: httpx.AsyncClient) -> None:
    run = await started(http, "Stubborn")
    reply = await http.get(f"/v1/runs/{run['id']}", params={"wait": "500ms"})
    assert (reply.status_code, reply.json()["exit_code"]) == (200, None)


async def test_wait_with_a_revision_answers_at_the_first_change(http: httpx.AsyncClient) -> None:
    run = await started(http, "Stubborn")
    view = (
        await http.get(f"/v1/runs/{run['id']}", params={"wait": "30s", "revision": run["revision"]})
    ).json()
    assert (run["phase"], view["phase"]) == ("Pending", "Running")
    assert view["revision"] != run["revision"]


async def test_views_carry_trace_and_argo_also_when_read_anew(http: httpx.AsyncClient) -> None:
    body = start_body(trace_id="trace-7", input={"sleep": 30})
    run = (await http.post("/v1/runs", json=body)).json()["id"]
    view = (await http.get(f"/v1/runs/{run}")).json()
    assert view["trace_id"] == "trace-7"
    assert view["argo"] == {**body["argo"], "retries": 0}
    assert view["deadline_at"] is not None


async def test_an_activity_timeout_is_named(http: httpx.AsyncClient) -> None:
    run = await started(http, "TimesOut")
    view = await ended(http, run["id"])
    assert (view["phase"], view["exit_code"]) == ("Failed", 1)
    assert "start-to-close" in view["message"]


async def test_the_execution_timeout_ends_a_run_with_124(http: httpx.AsyncClient) -> None:
    run = await started(http, "Stubborn", execution_timeout="1s")
    view = await ended(http, run["id"])
    assert (view["phase"], view["exit_code"], view["temporal"]["status"]) == ("Failed", 124, "TIMED_OUT")


async def test_lists_are_paged_and_filtered_by_trace_and_phase(http: httpx.AsyncClient) -> None:
    trace = f"t-{uuid.uuid4().hex[:8]}"
    for number in range(5):
        run = await started(
            http, trace_id=trace, input={"n": number, **({"fail": "x"} if number == 4 else {})}
        )
        await ended(http, run["id"])
    failed: list[str] = []
    succeeded: list[str] = []
    async with asyncio.timeout(PATIENCE):  # visibility is written a moment after the close
        while len(failed) + len(succeeded) < 5:
            failed = await _all_pages(http, trace_id=trace, phase="Failed")
            succeeded = await _all_pages(http, trace_id=trace, phase="Succeeded")
    assert (len(failed), len(succeeded)) == (1, 4)
    assert sorted(await _all_pages(http, trace_id=trace, limit=2)) == sorted(failed + succeeded)
    assert await _all_pages(http, trace_id=f"{trace}x") == []


async def _all_pages(http: httpx.AsyncClient, **filters: str | int) -> list[str]:
    found: list[str] = []
    token: str | None = None
    while True:
        page_token = {"page_token": token} if token else {}
        reply = await http.get("/v1/runs", params={**filters, **page_token})
        page = RunList.model_validate(reply.json())
        found += [run.id for run in page.runs]
        if (token := page.next_page_token) is None:
            return found


async def test_history_is_temporals_own_and_paged(http: httpx.AsyncClient) -> None:
    run = await started(http)
    await ended(http, run["id"])
    first = HistoryView.model_validate(
        (await http.get(f"/v1/runs/{run['id']}/history", params={"limit": 3})).json()
    )
    rest = HistoryView.model_validate(
        (
            await http.get(
                f"/v1/runs/{run['id']}/history", params={"page_token": first.next_page_token or ""}
            )
        ).json()
    )
    numbers = [int(event["eventId"]) for event in first.events + rest.events]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_events_show_the_run_until_its_end(http: httpx.AsyncClient) -> None:
    run = await started(http, "Talker")
    seen: list[tuple[str, dict[str, object]]] = []
    async with http.stream("GET", f"/v1/runs/{run['id']}/events") as stream:
        event = ""
        async for line in stream.aiter_lines():
            if line.startswith("event: "):
                event = line.removeprefix("event: ")
            elif line.startswith("data: "):
                seen.append((event, json.loads(line.removeprefix("data: "))))
                if len(seen) == 1:
                    await http.post(f"/v1/runs/{run['id']}/signal", json={"name": "say", "args": ["done"]})
    assert [name for name, _ in seen[-2:]] == ["state", "end"]
    assert seen[-2][1]["phase"] == "Succeeded"
    assert seen[-1][1]["reason"] == "closed"


async def test_an_application_gets_the_context_in_headers_memo_and_input(
    http: httpx.AsyncClient, client: Client
) -> None:
    reply = await http.post("/v1/runs", json=start_body(), headers={"traceparent": PARENT})
    run = reply.json()
    view = await ended(http, run["id"])
    given = view["outputs"]["result"]["given"]
    described = await client.get_workflow_handle(run["id"]).describe()
    memo = await described.memo()
    for key in names.CONTEXT_KEYS:
        assert given[key] == memo[key]
    event = (await client.get_workflow_handle(run["id"]).fetch_history()).events[0]
    headers = event.workflow_execution_started_event_attributes.header.fields
    assert json.loads(headers[names.TRACE_ID].data) == run["trace_id"]
    assert json.loads(headers["_tracer-data"].data) == {"traceparent": PARENT}
