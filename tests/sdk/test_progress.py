"""Progress as a reader of Temporal sees it: in the memo of a workflow and in an activity's heartbeat."""

from __future__ import annotations

import io
import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import Client
from temporalio.worker import Replayer

from crossover_sdk import CrossoverPlugin, report_progress
from crossover_sdk.progress import progress_text
from tests.sdk.application import Heartbeating, Reporting, ReportingLocally, report_until_cancelled, resume
from tests.sdk.conftest import application, application_lines, until, working


async def test_a_workflow_shows_its_progress_in_the_memo_at_most_once_a_second(
    client: Client,
) -> None:
    async with working(application(client, CrossoverPlugin()), max_cached_workflows=0) as queue:
        handle = await client.start_workflow(Reporting.run, id=f"reporting-{uuid.uuid4()}", task_queue=queue)

        async def progress() -> str | None:
            shown: str | None = (await (await handle.describe()).memo()).get("crossover_progress")
            return shown

        first = await until(progress)
        await handle.signal(Reporting.end)
        await handle.result()
        history = await handle.fetch_history()

    upserts = [e for e in history.events if e.event_type == EventType.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED]
    assert first == "0/7 tables"
    assert await progress() == "7/7 tables", "the last report always counts"
    assert len(upserts) <= 3, "five reports within one second are one update"


async def test_a_recorded_history_replays_without_a_difference_and_without_a_line(
    client: Client, own_handler: io.StringIO
) -> None:
    async with working(application(client, CrossoverPlugin())) as queue:
        handle = await client.start_workflow(Reporting.run, id=f"replay-{uuid.uuid4()}", task_queue=queue)
        await handle.signal(Reporting.end)
        await handle.result()
    assert application_lines(own_handler) == ["INFO app all reported"]

    replayer = Replayer(workflows=[Reporting], plugins=[CrossoverPlugin()])
    await replayer.replay_workflow(await handle.fetch_history())

    assert application_lines(own_handler) == ["INFO app all reported"]


async def test_an_activity_shows_its_progress_and_keeps_its_own_details(
    client: Client,
) -> None:
    async with working(application(client, CrossoverPlugin())) as queue:
        handle = await client.start_workflow(
            Heartbeating.run, report_until_cancelled.__name__, id=f"beats-{uuid.uuid4()}", task_queue=queue
        )

        async def beat() -> Any:
            pending: list[PendingActivityInfo] = list(
                (await handle.describe()).raw_description.pending_activities
            )
            found = [json.loads(p.data) for a in pending for p in a.heartbeat_details.payloads]
            return found and found[0]["crossover_progress"] == "31/70 tables" and found[0]

        shown = await until(beat)
        await handle.terminate()

    assert shown == {"crossover_progress": "31/70 tables", "details": {"cursor": 30}}


async def test_a_retried_activity_finds_its_details_again(client: Client) -> None:
    async with working(application(client, CrossoverPlugin())) as queue:
        found = await client.execute_workflow(
            Heartbeating.run, resume.__name__, id=f"resume-{uuid.uuid4()}", task_queue=queue
        )

    assert found == {"cursor": 1}


async def test_a_local_activity_may_report_though_nobody_sees_it(client: Client) -> None:
    async with working(application(client, CrossoverPlugin())) as queue:
        found = await client.execute_workflow(
            ReportingLocally.run, id=f"locally-{uuid.uuid4()}", task_queue=queue
        )

    assert found is None


def test_outside_of_workflows_and_activities_nothing_happens() -> None:
    report_progress(1, 2, "tables")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((3, 7, "tables"), "3/7 tables"),
        ((3, 7), "3/7"),
        ((9, 7), "7/7"),
        ((-1, 7), "0/7"),
        ((0, 0), "0/0"),
        ((1, 2, " two\nlines "), "1/2 two lines"),
    ],
)
def test_progress_reads(arguments: tuple[Any, ...], text: str) -> None:
    assert progress_text(*arguments) == text


@given(st.integers(), st.integers(), st.text())
def test_progress_is_one_short_line_with_done_within_total(done: int, total: int, what: str) -> None:
    text = progress_text(done, total, what)

    shown, whole = map(int, text.split(" ")[0].split("/"))
    assert 0 <= shown <= whole
    assert len(text.splitlines()) == 1
