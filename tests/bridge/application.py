"""A Temporal application without our SDK: one workflow for each way a run can go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError

QUEUE = "work"


@workflow.defn(name="Echo")
class Echo:
    """Returns its input after `sleep` seconds; continues as new `again` times; then fails if told to."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> dict[str, Any]:
        await asyncio.sleep(given.get("sleep", 0))
        if given.get("again", 0):
            workflow.continue_as_new({**given, "again": given["again"] - 1})
        if "fail" in given:
            raise ApplicationError(given["fail"], type="Planned", non_retryable=True)
        return {"given": given, "counts": {"tables": 3}}


@workflow.defn(name="Stubborn")
class Stubborn:
    """Ignores cancellation."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> str:
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if given.get("completes"):
                    return "ignored cancel"


@workflow.defn(name="Talker")
class Talker:
    """Waits until it is told a word."""

    def __init__(self) -> None:
        self.words: list[str] = []

    @workflow.run
    async def run(self, given: dict[str, Any]) -> list[str]:
        await workflow.wait_condition(lambda: "done" in self.words)
        return self.words

    @workflow.signal
    def say(self, word: str) -> None:
        self.words.append(word)

    @workflow.query
    def heard(self) -> list[str]:
        return self.words

    @workflow.query
    def broken(self) -> None:
        raise ValueError("no answer to that")

    @workflow.update
    async def ask(self, word: str) -> int:
        if not word:
            raise ApplicationError("say something")
        self.words.append(word)
        return len(self.words)


@workflow.defn(name="Buggy")
class Buggy:
    """Its own code raises: Temporal retries the workflow task for ever."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:
        raise ValueError("a bug in workflow code")


@workflow.defn(name="Huge")
class Huge:
    """Returns more than Temporal takes."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> str:
        return "x" * 3_000_000


@workflow.defn(name="Unlucky")
class Unlucky:
    """Its activity fails `failures` times."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> int:
        policy = RetryPolicy(initial_interval=timedelta(milliseconds=200), backoff_coefficient=1)
        return await workflow.execute_activity(
            flaky, given.get("failures", 0), start_to_close_timeout=timedelta(seconds=10), retry_policy=policy
        )


@workflow.defn(name="TimesOut")
class TimesOut:
    """Its activity takes longer than its timeout."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> None:
        await workflow.execute_activity(
            sleepy,
            start_to_close_timeout=timedelta(milliseconds=300),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


@activity.defn
async def flaky(failures: int) -> int:
    attempt = activity.info().attempt
    if attempt <= failures:
        raise ValueError(f"attempt {attempt} fails")
    return attempt


@activity.defn
async def sleepy() -> None:
    await asyncio.sleep(30)


@workflow.defn(name="Odd")
class Odd:
    """Returns what Python's json writes and JSON does not allow."""

    @workflow.run
    async def run(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"ratio": float("nan")} if given.get("nan") else {"name": "caf\udce9.csv"}


WORKFLOWS = [Echo, Stubborn, Talker, Buggy, Huge, Unlucky, TimesOut, Odd]
ACTIVITIES: list[Callable[..., Any]] = [flaky, sleepy]
