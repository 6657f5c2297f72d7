"""A run that will not get on says so soon, in words that say what to do."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from tests.bridge.conftest import started
from tests.patience import PATIENCE


async def problem(http: httpx.AsyncClient, run: dict[str, Any], *, waits: bool) -> dict[str, str]:
    """The first problem of a run, as a waiting client or a reader sees it."""
    revision = run["revision"]
    async with asyncio.timeout(1.5 * PATIENCE):
        while True:
            params = {"wait": "20s", "revision": revision} if waits else {}
            view = (await http.get(f"/v1/runs/{run['id']}", params=params)).json()
            if view["problems"]:
                found: dict[str, str] = view["problems"][0]
                return found
            revision = view["revision"]
            await asyncio.sleep(0 if waits else 0.2)


@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "reading"])
@pytest.mark.parametrize(
    ("workflow_type", "queue", "code", "words"),
    [
        ("Echo", "nobody", "no-poller", "start its worker deployment"),
        ("NoSuchType", None, "unregistered-type", "deploy a worker that registers it"),
        ("Buggy", None, "workflow-task-failing", "a bug in workflow code"),
        ("Huge", None, "result-too-large", "return a reference"),
        ("Unlucky", None, "activity-retrying", "flaky"),
    ],
    ids=["no poller", "unregistered", "bug", "huge", "retries"],
)
async def test_a_stuck_run_says_why(
    http: httpx.AsyncClient, waits: bool, workflow_type: str, queue: str | None, code: str, words: str
) -> None:
    where = {"task_queue": f"{queue}-{uuid.uuid4().hex[:6]}"} if queue else {}
    run = await started(http, workflow_type, input={"failures": 10**6}, execution_timeout="120s", **where)
    found = await problem(http, run, waits=waits)
    assert found["code"] == code
    assert words in found["message"]


async def test_pending_activities_are_shown(http: httpx.AsyncClient) -> None:
    run = await started(http, "Unlucky", input={"failures": 10**6}, execution_timeout="120s")
    async with asyncio.timeout(PATIENCE):
        while True:
            view = (await http.get(f"/v1/runs/{run['id']}")).json()
            if view["pending_activities"] and view["pending_activities"][0]["attempt"] > 1:
                break
            await asyncio.sleep(0.1)
    (activity,) = view["pending_activities"]
    assert (activity["type"], activity["last_failure"].split(":")[0]) == ("flaky", "ValueError")


async def test_a_queue_that_a_worker_joins_is_no_problem_any_more(http: httpx.AsyncClient) -> None:
    run = await started(http, input={"sleep": 60})
    view = (await http.get(f"/v1/runs/{run['id']}")).json()
    assert view["problems"] == []
    assert view["queue"]["pollers"] > 0
