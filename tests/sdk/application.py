"""A Temporal application as tenants write them: only `crossover_sdk`, `temporalio` and plain `logging`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import RetryPolicy, WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError

from crossover_sdk import bind, context, last_details, report_progress

log = logging.getLogger("app")

Seen = dict[str, Any]
SOON = timedelta(seconds=60)
ONCE = RetryPolicy(maximum_attempts=1)


def here() -> Seen | None:
    run = context()
    return asdict(run) if run else None


@activity.defn
async def look_async() -> Seen | None:
    log.info("async activity")
    return here()


@activity.defn
async def look_local() -> Seen | None:
    log.info("local activity")
    return here()


@activity.defn
def look_in_threads() -> list[Seen | None]:
    log.info("sync activity")
    activity.logger.info("sync activity by Temporal's logger")
    with ThreadPoolExecutor(1) as pool:
        return [here(), pool.submit(bind(here)).result(5), pool.submit(here).result(5)]


@activity.defn
async def look_in_asyncio_thread() -> Seen | None:
    return await asyncio.to_thread(here)


@activity.defn
async def start_another(workflow_id: str) -> Seen | None:
    """An application that starts a workflow by itself, with the client that runs this activity."""
    found: Seen | None = await activity.client().execute_workflow(
        Child.run, "started", id=workflow_id, task_queue=activity.info().task_queue
    )
    return found


@activity.defn
async def update_another(workflow_id: str) -> Seen | None:
    """As above, by update-with-start."""
    operation = WithStartWorkflowOperation(
        Asked.run,
        id=workflow_id,
        task_queue=activity.info().task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    return await activity.client().execute_update_with_start_workflow(
        Asked.ask, start_workflow_operation=operation
    )


@activity.defn
async def start_lone_activity(activity_id: str) -> Seen | None:
    """As above, an activity without a workflow."""
    return await activity.client().execute_activity(
        look_async, id=activity_id, task_queue=activity.info().task_queue, start_to_close_timeout=SOON
    )


@activity.defn
async def look_at_argument(argument: dict[str, Any]) -> Seen | None:
    return here()


@workflow.defn
class Child:
    @workflow.run
    async def run(self, label: str) -> Seen | None:
        log.info("child %s", label)
        return here()


@workflow.defn
class Asked:
    """Lives until it was asked for its context."""

    def __init__(self) -> None:
        self.asked = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self.asked)

    @workflow.update
    def ask(self) -> Seen | None:
        self.asked = True
        return here()


@workflow.defn
class Journey:
    """Collects the context at every place that a run can reach, over two runs of one chain."""

    def __init__(self) -> None:
        self.seen: Seen = {"init": here()}
        self.released = False

    @workflow.run
    async def run(self, before: Seen | None) -> Seen:
        log.info("workflow, plain logging")
        workflow.logger.info("workflow, Temporal's logger")
        self.seen["workflow"] = here()
        if before is None:
            await self.visit()
            await workflow.wait_condition(lambda: self.released)
            workflow.continue_as_new(self.seen)
        return {**before, "continued": here()}

    async def visit(self) -> None:
        def execute(fn: Any, *args: Any) -> Any:
            return workflow.execute_activity(fn, args=args, start_to_close_timeout=SOON, retry_policy=ONCE)

        self.seen["activity"] = await execute(look_async)
        threads = await execute(look_in_threads)
        self.seen |= dict(
            zip(("sync activity", "own bound thread", "own unbound thread"), threads, strict=True)
        )
        self.seen["asyncio thread"] = await execute(look_in_asyncio_thread)
        self.seen["local activity"] = await workflow.execute_local_activity(
            look_local, start_to_close_timeout=SOON
        )
        self.seen["child"] = await workflow.execute_child_workflow(Child.run, "of the journey")
        self.seen["workflow started by an activity"] = await execute(
            start_another, f"{workflow.info().workflow_id}-other"
        )

    @workflow.signal
    async def release(self) -> None:
        log.info("signal handler")
        self.seen["signal"] = here()
        self.released = True

    @workflow.update
    async def ask(self) -> Seen | None:
        log.info("update handler")
        return here()

    @ask.validator
    def check(self) -> None:
        self.seen["validator"] = here()

    @workflow.query
    def look(self) -> Seen | None:
        return here()

    @workflow.query
    def visited(self) -> list[str]:
        return sorted(self.seen)


@workflow.defn
class Look:
    """The context of a run that was given it in one way only."""

    @workflow.run
    async def run(self, argument: Any) -> list[Seen | None]:
        seen = await workflow.execute_activity(look_async, start_to_close_timeout=SOON)
        return [here(), seen]


@workflow.defn
class ActivityArgument:
    @workflow.run
    async def run(self) -> Seen | None:
        return await workflow.execute_activity(
            look_at_argument, {"trace_id": "wf-argument"}, start_to_close_timeout=SOON
        )


@workflow.defn
class StartsAnother:
    @workflow.run
    async def run(self, how: str) -> Seen | None:
        found: Seen | None = await workflow.execute_activity(
            how,
            f"{workflow.info().workflow_id}-other",
            start_to_close_timeout=SOON,
            retry_policy=ONCE,
        )
        return found


@activity.defn
async def fail() -> None:
    raise ApplicationError("first line\nsecond line", non_retryable=True)


@workflow.defn
class Failing:
    @workflow.run
    async def run(self) -> None:
        try:
            await workflow.execute_activity(fail, start_to_close_timeout=SOON)
        except Exception:
            log.exception("the activity failed")


@workflow.defn
class Broken:
    """Fails its workflow task, again and again, as any bug in workflow code does."""

    @workflow.run
    async def run(self) -> None:
        raise ValueError("a bug")


@workflow.defn
class Reporting:
    """Reports fast at first, then waits for a signal, then says that all is done."""

    def __init__(self) -> None:
        self.finish = False

    @workflow.run
    async def run(self) -> None:
        for done in range(5):
            report_progress(done, 7, "tables")
        await workflow.wait_condition(lambda: self.finish)
        report_progress(6, 7, "tables")
        report_progress(7, 7, "tables")
        log.info("all reported")

    @workflow.signal
    def end(self) -> None:
        self.finish = True


@activity.defn
async def report_until_cancelled() -> None:
    report_progress(30, 70, "tables", details={"cursor": 30})
    report_progress(31, 70, "tables")
    await asyncio.Event().wait()


@activity.defn
async def resume() -> Any:
    """Fails twice; only the first attempt gives details, the second reports without any."""
    attempt = activity.info().attempt
    if attempt == 3:
        return last_details()
    report_progress(attempt, 3, details={"cursor": 1} if attempt == 1 else None)
    raise ApplicationError("once more", next_retry_delay=timedelta(milliseconds=1))


@workflow.defn
class Heartbeating:
    @workflow.run
    async def run(self, name: str) -> Any:
        return await workflow.execute_activity(
            name,
            start_to_close_timeout=timedelta(seconds=30),
            heartbeat_timeout=timedelta(seconds=2),
            retry_policy=RetryPolicy(maximum_attempts=10),
        )


@activity.defn
def report_locally() -> Any:
    report_progress(1, 2)
    return last_details()


@workflow.defn
class ReportingLocally:
    @workflow.run
    async def run(self) -> Any:
        return await workflow.execute_local_activity(report_locally, start_to_close_timeout=SOON)


WORKFLOWS = [
    ActivityArgument, Asked, Broken, Child, Failing, Heartbeating, Journey, Look, Reporting, ReportingLocally,
    StartsAnother,
]  # fmt: skip
ACTIVITIES: list[Callable[..., Any]] = [
    fail, look_async, look_at_argument, look_in_asyncio_thread, look_in_threads, look_local,
    report_locally, report_until_cancelled, resume, start_another, start_lone_activity, update_another,
]  # fmt: skip
