"""A locator's findings in tests, collected while a block runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

from log_streamer.model import State
from log_streamer.sources.source import Engine, Finding, Found, Locator, Looked, Scope, Trouble
from testbed.servers import PATIENCE


class Watched:
    """What has been found so far."""

    def __init__(self) -> None:
        self.all: list[Finding] = []

    @property
    def states(self) -> list[State]:
        return [one for one in self.all if isinstance(one, State)]

    @property
    def found(self) -> list[Found]:
        return [one for one in self.all if isinstance(one, Found)]

    @property
    def engine(self) -> Engine | None:
        return next((one for one in reversed(self.all) if isinstance(one, Engine)), None)

    @property
    def looked(self) -> Looked | None:
        return next((one for one in self.all if isinstance(one, Looked)), None)

    @property
    def troubles(self) -> list[Trouble]:
        return [one for one in self.all if isinstance(one, Trouble)]

    def phases(self, name: str) -> list[str]:
        """Phases that something of this name has gone through."""
        return [state.phase for state in self.states if state.name == name]

    async def until(self, condition: Callable[[], object]) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                while not condition():
                    await asyncio.sleep(0.02)
        except TimeoutError as error:
            raise TimeoutError(f"found only {self.all}") from error


@asynccontextmanager
async def watched(locator: Locator, scope: Scope) -> AsyncGenerator[Watched, None]:
    watched = Watched()

    async def collect() -> None:
        async for finding in findings:
            watched.all.append(finding)

    findings = locator.watch(scope)
    task = asyncio.create_task(collect())
    try:
        yield watched
        assert not task.done(), "a watch ends only when it is closed"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await findings.aclose()
