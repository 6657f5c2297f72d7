"""Lines of real runs: in our formats, in an application's own, through queues and on failures."""

from __future__ import annotations

import io
import json
import logging
import logging.handlers
import queue as queues
import uuid
from typing import Any

import pytest
from temporalio.client import Client

from crossover_sdk import CrossoverPlugin, add_trace_id, configure_logging, install_logging
from tests.sdk import structured
from tests.sdk.application import Broken, Child, Failing
from tests.sdk.collected import EVENTS
from tests.sdk.conftest import CONTEXT, application, application_lines, bridge, until, working


async def run(client: Client, workflow: Any, *args: Any, plugin: CrossoverPlugin | None = None) -> None:
    async with working(application(client, plugin or CrossoverPlugin())) as queue:
        await bridge(client, CONTEXT).execute_workflow(
            workflow, args=args, id=f"logging-{uuid.uuid4()}", task_queue=queue
        )


async def test_an_application_keeps_its_own_format_and_gets_the_trace_id(
    client: Client, own_handler: io.StringIO
) -> None:
    await run(client, Child.run, "one")

    assert application_lines(own_handler) == ["INFO app child one trace_id=wf-1"]


async def test_a_traceback_has_the_trace_id_on_its_head_line(
    client: Client, own_handler: io.StringIO
) -> None:
    await run(client, Failing.run)

    lines = own_handler.getvalue().splitlines()
    heads = [line for line in lines if line.startswith(("ERROR", "WARNING"))]
    assert "ERROR app the activity failed trace_id=wf-1" in heads
    assert all(line.endswith(" trace_id=wf-1") for line in heads)
    assert "second line" in lines
    assert not any("trace_id=" in line for line in lines if line not in heads)


async def test_temporals_own_line_on_a_failed_activity_has_the_trace_id(
    client: Client, own_handler: io.StringIO
) -> None:
    await run(client, Failing.run)

    failed = [line for line in own_handler.getvalue().splitlines() if "Completing activity as failed" in line]
    assert len(failed) == 1
    assert failed[0].endswith(" trace_id=wf-1")


async def test_temporals_own_line_on_a_failing_workflow_task_has_the_trace_id(
    client: Client, own_handler: io.StringIO
) -> None:
    async with working(application(client, CrossoverPlugin())) as queue:
        handle = await bridge(client, CONTEXT).start_workflow(
            Broken.run, id=f"broken-{uuid.uuid4()}", task_queue=queue
        )

        async def failed() -> list[str]:
            lines = own_handler.getvalue().splitlines()
            return [line for line in lines if "Failed activation on workflow Broken" in line]

        found = await until(failed)
        await handle.terminate()

    assert found[0].endswith(" trace_id=wf-1")


def without_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has not configured logging: libraries of other tests may have added some."""
    known = logging.Logger.manager.loggerDict.values()
    for logger in [logging.getLogger(), *(each for each in known if isinstance(each, logging.Logger))]:
        monkeypatch.setattr(logger, "handlers", [])


async def test_a_logger_that_keeps_its_lines_to_itself_is_no_configured_application(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_handlers(monkeypatch)
    aloof = logging.getLogger("aloof")
    monkeypatch.setattr(aloof, "propagate", False)
    monkeypatch.setattr(aloof, "handlers", [logging.StreamHandler(io.StringIO())])

    await run(client, Child.run, "one")

    assert any("logger=app" in line for line in capsys.readouterr().out.splitlines())


async def test_an_application_without_logging_gets_logfmt(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    without_handlers(monkeypatch)

    await run(client, Child.run, "one")

    line = next(line for line in capsys.readouterr().out.splitlines() if "logger=app" in line)
    assert " level=info logger=app trace_id=wf-1 " in line
    assert line.endswith('msg="child one"')


async def test_json_lines_have_the_trace_id_as_a_field(client: Client) -> None:
    written = io.StringIO()
    configure_logging("json", stream=written)

    await run(client, Child.run, "two\nlines")

    record = next(r for r in map(json.loads, written.getvalue().splitlines()) if r["logger"] == "app")
    assert record["trace_id"] == "wf-1"
    assert record["msg"] == "child two\nlines"
    assert record["workflow_type"] == "Child"


async def test_an_application_may_keep_the_plugin_off_its_logging(
    client: Client, own_handler: io.StringIO
) -> None:
    await run(client, Child.run, "one", plugin=CrossoverPlugin(log_format=None))

    assert "trace_id=" not in own_handler.getvalue()


async def test_a_record_that_a_queue_hands_to_another_thread_keeps_its_trace_id(
    client: Client,
) -> None:
    written, pending = io.StringIO(), queues.SimpleQueue[Any]()
    handler = logging.handlers.QueueHandler(pending)
    listener = logging.handlers.QueueListener(pending, logging.StreamHandler(written))
    logging.getLogger("app").addHandler(handler)
    logging.getLogger("app").setLevel(logging.INFO)
    listener.start()
    try:
        await run(client, Child.run, "queued")
    finally:
        listener.stop()
        logging.getLogger("app").removeHandler(handler)

    assert written.getvalue() == "child queued trace_id=wf-1\n"


def test_configuring_again_replaces_the_earlier_configuration() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure_logging(stream=first)
    configure_logging("json", "WARNING", stream=second)

    logging.getLogger("app").info("quiet")
    logging.getLogger("app").warning("loud")

    assert first.getvalue() == ""
    assert [json.loads(line)["msg"] for line in second.getvalue().splitlines()] == ["loud"]


def test_installing_again_changes_nothing(own_handler: io.StringIO) -> None:
    handlers = logging.getLogger().handlers
    install_logging()
    before = [(h, h.formatter, list(h.filters)) for h in handlers]

    install_logging()

    assert [(h, h.formatter, list(h.filters)) for h in handlers] == before


def test_a_line_outside_of_any_run_has_no_trace_id(own_handler: io.StringIO) -> None:
    install_logging()

    logging.getLogger("app").info("starting")

    assert own_handler.getvalue() == "INFO app starting\n"


def test_code_outside_of_a_run_can_name_the_trace_id_itself(own_handler: io.StringIO) -> None:
    install_logging()

    logging.getLogger("app").info("on behalf of", extra={"trace_id": "wf-7"})

    assert own_handler.getvalue() == "INFO app on behalf of trace_id=wf-7\n"


def test_structlog_events_outside_of_a_run_pass_unchanged() -> None:
    assert add_trace_id(None, "info", {"event": "starting"}) == {"event": "starting"}


async def test_structlog_events_have_the_trace_id_and_are_not_repeated_on_replay(
    client: Client,
) -> None:
    EVENTS.clear()
    async with structured.working(application(client, CrossoverPlugin())) as queue:
        await bridge(client, CONTEXT).execute_workflow(
            structured.Structured.run, id=f"structured-{uuid.uuid4()}", task_queue=queue
        )

    assert [(event["event"], event["trace_id"]) for event in EVENTS] == [
        ("before", "wf-1"),
        ("in the activity", "wf-1"),
        ("after", "wf-1"),
    ]
