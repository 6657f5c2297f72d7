"""What holds for every Locator. Subclasses give the `backend` (see backend.py)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest

from log_streamer.sources.source import Finding, Found, Looked, Scope, Trouble
from testbed.servers import PATIENCE
from tests.log_streamer.contract.backend import LocatorBackend


class Watching:
    """The findings of a locator, collected by a task of its own."""

    def __init__(self, findings: AsyncGenerator[Finding, None]) -> None:
        self._findings = findings
        self.all: list[Finding] = []
        self._news = asyncio.Event()
        self._task = asyncio.create_task(self._collect())

    @property
    def containers(self) -> list[str]:
        """Names of pods, or of containers where there are no pods; each key once."""
        found = {one.container.key: one.container for one in self.all if isinstance(one, Found)}
        return [container.pod for container in found.values()]

    def has(self, name: str) -> bool:
        return any(
            name in (one.container.pod, one.container.name) for one in self.all if isinstance(one, Found)
        )

    def looked(self) -> Looked | None:
        looks = [one for one in self.all if isinstance(one, Looked)]
        assert len(looks) <= 1, "the first look is over only once"
        return looks[0] if looks else None

    def troubles(self) -> list[Trouble]:
        return [one for one in self.all if isinstance(one, Trouble)]

    async def until(self, condition: Callable[[], object]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    self._news.clear()
                    if self._task.done():
                        await self._task
                    await self._news.wait()
        except TimeoutError as error:
            raise TimeoutError(f"found only {self.all}") from error

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._findings.aclose()

    async def _collect(self) -> None:
        try:
            async for finding in self._findings:
                self.all.append(finding)
                self._news.set()
        finally:
            self._news.set()


@asynccontextmanager
async def watching(backend: LocatorBackend, scope: Scope) -> AsyncGenerator[Watching, None]:
    watch = Watching(backend.locator.watch(scope))
    try:
        yield watch
    finally:
        await watch.close()


class LocatorContract:
    """Each test gets a system of its own."""

    async def test_what_is_there_is_found_before_the_first_look_is_over(
        self, backend: LocatorBackend
    ) -> None:
        await backend.start("wf-1", "early")
        async with watching(backend, backend.scope("wf-1")) as watch:
            await watch.until(watch.looked)
            assert watch.has("early")
            assert watch.looked() == Looked(backend.locator.name, known=True)

    async def test_a_trace_that_nobody_knows_has_a_first_look_too(self, backend: LocatorBackend) -> None:
        await backend.start("wf-1", "another")
        async with watching(backend, backend.scope("wf-unknown")) as watch:
            await watch.until(watch.looked)
            assert watch.looked() == Looked(backend.locator.name, known=False)
            assert not watch.has("another")

    async def test_what_turns_up_late_is_found(self, backend: LocatorBackend) -> None:
        async with watching(backend, backend.scope("wf-1")) as watch:
            await watch.until(watch.looked)
            await backend.start("wf-1", "late")
            await watch.until(lambda: watch.has("late"))

    async def test_one_trace_never_sees_what_belongs_to_another(self, backend: LocatorBackend) -> None:
        await backend.start("wf-10", "of-the-other")
        async with watching(backend, backend.scope("wf-1")) as watch:
            await watch.until(watch.looked)
            await backend.start("wf-10", "of-the-other-late")
            await backend.start("wf-1", "own")
            await watch.until(lambda: watch.has("own"))
            assert not watch.has("of-the-other")
            assert not watch.has("of-the-other-late")

    async def test_nothing_outside_of_the_tenant_is_found(self, backend: LocatorBackend) -> None:
        await backend.start_elsewhere("wf-1", "foreign")
        await backend.start("wf-1", "own")
        async with watching(backend, backend.scope("wf-1")) as watch:
            await watch.until(lambda: watch.has("own") and watch.looked())
            assert not watch.has("foreign")

    async def test_an_outage_is_told_once_and_survived(self, backend: LocatorBackend) -> None:
        if not backend.can_fail:
            pytest.skip("this system has no outages")
        await backend.start("wf-1", "early")
        async with watching(backend, backend.scope("wf-1")) as watch:
            await watch.until(watch.looked)
            await backend.outage()
            await watch.until(watch.troubles)
            await backend.recover()
            await backend.start("wf-1", "late")
            await watch.until(lambda: watch.has("late"))
            assert len(watch.troubles()) == 1

    async def test_a_system_that_is_away_from_the_start_is_trouble_and_then_looked_at(
        self, backend: LocatorBackend
    ) -> None:
        if not backend.can_fail:
            pytest.skip("this system has no outages")
        await backend.start("wf-1", "early")
        await backend.outage()
        async with watching(backend, backend.scope("wf-1")) as watch:
            await watch.until(watch.troubles)
            assert watch.looked() is None
            await backend.recover()
            await watch.until(watch.looked)
            assert watch.has("early")

    async def test_a_watch_that_is_closed_leaves_nothing_behind(self, backend: LocatorBackend) -> None:
        await backend.start("wf-1", "early")
        tasks = len(asyncio.all_tasks())
        for _ in range(5):
            async with watching(backend, backend.scope("wf-1")) as watch:
                await watch.until(watch.looked)
        assert len(asyncio.all_tasks()) <= tasks
