"""A run's context reaches everything that the run starts."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pytest
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import UnsandboxedWorkflowRunner

from crossover_sdk import CrossoverPlugin, configure_logging
from tests.sdk.application import ActivityArgument, Child, Journey, Look, StartsAnother
from tests.sdk.conftest import (
    CONTEXT,
    Bridge,
    application,
    application_lines,
    bridge,
    kept_logging,
    until,
    working,
)

WF_1 = {
    "trace_id": "wf-1",
    "argo_workflow": "wf-1",
    "argo_node": "wf-1.extract",
    "tenant": "acme",
    "traceparent": CONTEXT["traceparent"],
}

PLACES = [
    "init",
    "workflow",
    "activity",
    "sync activity",
    "own bound thread",
    "asyncio thread",
    "local activity",
    "child",
    "workflow started by an activity",
    "signal",
    "query",
    "update",
    "continued",
]


async def travel(handle: WorkflowHandle[Any, Any]) -> dict[str, Any]:
    """Take a Journey to its end, by way of its query, update and signal handlers."""

    async def arrived() -> bool:
        return "workflow started by an activity" in await handle.query(Journey.visited)

    await until(arrived)
    seen = {"query": await handle.query(Journey.look), "update": await handle.execute_update(Journey.ask)}
    await handle.signal(Journey.release)
    return {**await handle.result(), **seen}


@pytest.fixture(scope="module")
async def journey(client: Client) -> tuple[dict[str, Any], list[str]]:
    """One journey on a sandboxed worker that caches nothing, so that every task replays the whole run."""
    written = io.StringIO()
    with kept_logging():
        configure_logging(stream=written)
        async with working(application(client, CrossoverPlugin()), max_cached_workflows=0) as queue:
            handle = await bridge(client, CONTEXT).start_workflow(
                Journey.run, None, id=f"journey-{uuid.uuid4()}", task_queue=queue
            )
            seen = await travel(handle)
    return seen, written.getvalue().splitlines()


@pytest.mark.parametrize("place", PLACES)
def test_the_context_reaches(place: str, journey: tuple[dict[str, Any], list[str]]) -> None:
    assert journey[0][place] == WF_1


def test_a_thread_of_ones_own_needs_bind(journey: tuple[dict[str, Any], list[str]]) -> None:
    assert journey[0]["own unbound thread"] is None


@pytest.mark.parametrize(
    ("message", "times"),
    [
        ('"workflow, plain logging"', 2),  # once in each of the chain's two runs
        ('"workflow, Temporal\'s logger"', 2),
        ('"async activity"', 1),
        ('"sync activity"', 1),
        ('"sync activity by Temporal\'s logger"', 1),
        ('"local activity"', 1),
        ('"child of the journey"', 1),
        ('"child started"', 1),
        ('"signal handler"', 1),
        ('"update handler"', 1),
    ],
)
def test_each_line_is_written_once_however_often_the_run_replays(
    message: str, times: int, journey: tuple[dict[str, Any], list[str]]
) -> None:
    assert sum(f"msg={message}" in line for line in journey[1]) == times


def test_each_line_of_application_code_has_the_trace_id_once(
    journey: tuple[dict[str, Any], list[str]],
) -> None:
    lines = [line for line in journey[1] if "logger=app" in line or "logger=temporalio.workflow" in line]

    assert len(lines) >= 10
    assert all(line.split().count("trace_id=wf-1") == 1 == line.count("trace_id=") for line in lines)
    assert all(" run_id=" in line and " workflow_id=" in line for line in lines)


async def look(client: Client, argument: Any, headers: dict[str, Any], **options: Any) -> Any:
    async with working(application(client, CrossoverPlugin())) as queue:
        return await bridge(client, headers).execute_workflow(
            Look.run, argument, id=f"look-{uuid.uuid4()}", task_queue=queue, **options
        )


async def test_the_context_is_read_from_the_memo_where_there_are_no_headers(
    client: Client,
) -> None:
    assert await look(client, None, {}, memo=CONTEXT) == [WF_1, WF_1]


async def test_the_context_is_read_from_the_first_argument_where_there_is_nothing_else(
    client: Client,
) -> None:
    assert await look(client, {**CONTEXT, "source": "x"}, {}) == [WF_1, WF_1]


async def test_headers_win_over_memo_and_memo_over_the_argument(client: Client) -> None:
    memo, argument = {"trace_id": "wf-memo"}, {"trace_id": "wf-argument"}

    by_header = await look(client, argument, {"trace_id": "wf-header"}, memo=memo)
    by_memo = await look(client, argument, {}, memo=memo)

    assert [seen["trace_id"] for seen in by_header] == ["wf-header"] * 2
    assert [seen["trace_id"] for seen in by_memo] == ["wf-memo"] * 2


@pytest.mark.parametrize("key", ["correlation_id", "x-correlation-id"])
async def test_the_keys_of_the_atlan_application_sdk_serve_as_trace_id(key: str, client: Client) -> None:
    seen = await look(client, None, {key: "corr-1"})

    assert [place["trace_id"] for place in seen] == ["corr-1", "corr-1"]


@pytest.mark.parametrize("value", ["two words", "a\nb", "", 7, None, "x" * 300, ["wf-1"]])
async def test_a_value_that_is_no_trace_id_gives_no_context(value: Any, client: Client) -> None:
    assert await look(client, {"trace_id": value}, {"trace_id": value}) == [None, None]


async def test_a_run_without_any_context_works(client: Client) -> None:
    assert await look(client, None, {}) == [None, None]


async def test_a_worker_without_the_plugin_still_runs_the_application(client: Client) -> None:
    async with working(application(client)) as queue:
        seen = await bridge(client, CONTEXT).execute_workflow(
            Look.run, None, id=f"look-{uuid.uuid4()}", task_queue=queue
        )

    assert seen == [WF_1, None], "the workflow can read its headers; nothing carries them further"


async def test_an_activity_reads_its_first_argument_where_no_header_came(
    client: Client,
) -> None:
    async with working(application(client, CrossoverPlugin())) as queue:
        seen = await client.execute_workflow(
            ActivityArgument.run, id=f"argument-{uuid.uuid4()}", task_queue=queue
        )

    assert seen is not None
    assert seen["trace_id"] == "wf-argument"


@pytest.mark.parametrize("how", ["start_another", "update_another", "start_lone_activity"])
async def test_what_an_activity_starts_with_its_client_gets_the_context(how: str, client: Client) -> None:
    async with working(application(client, CrossoverPlugin())) as queue:
        seen = await bridge(client, CONTEXT).execute_workflow(
            StartsAnother.run, how, id=f"other-{uuid.uuid4()}", task_queue=queue
        )

    assert seen == WF_1


async def test_a_start_that_says_its_own_context_keeps_it(client: Client) -> None:
    own = application(client, CrossoverPlugin(), interceptors=[Bridge({"trace_id": "wf-2"})])
    async with working(own) as queue:
        seen = await bridge(client, CONTEXT).execute_workflow(
            StartsAnother.run, "start_another", id=f"other-{uuid.uuid4()}", task_queue=queue
        )

    assert seen is not None
    assert (seen["trace_id"], seen["tenant"]) == ("wf-2", None), "two runs' contexts are never mixed"


async def test_the_plugin_given_to_client_and_worker_acts_once(
    client: Client, own_handler: io.StringIO
) -> None:
    own = application(client, CrossoverPlugin())
    with pytest.warns(UserWarning, match="same plugin type"):
        async with working(own, plugins=[CrossoverPlugin()]) as queue:
            seen = await bridge(client, CONTEXT).execute_workflow(
                Child.run, "twice", id=f"twice-{uuid.uuid4()}", task_queue=queue
            )

    assert seen == WF_1
    assert application_lines(own_handler) == ["INFO app child twice trace_id=wf-1"]


async def test_the_plugin_given_to_a_worker_only_carries_within_it(client: Client) -> None:
    async with working(application(client), plugins=[CrossoverPlugin()]) as queue:
        seen = await bridge(client, CONTEXT).execute_workflow(
            Look.run, None, id=f"look-{uuid.uuid4()}", task_queue=queue
        )

    assert seen == [WF_1, WF_1]


def test_an_unsandboxed_runner_is_left_as_it_is() -> None:
    runner = UnsandboxedWorkflowRunner()
    configure = CrossoverPlugin().workflow_runner

    assert callable(configure)
    assert configure(runner) is runner
