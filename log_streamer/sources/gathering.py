"""Findings of several tasks as one stream, which ends them all when it is closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from log_streamer.sources.source import Finding

_ROOM = 1000
"""Findings that wait for the reader; beyond it the tasks wait."""


class Gathering:
    """Where tasks put what they find."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Finding] = asyncio.Queue(_ROOM)
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    async def put(self, *findings: Finding | None) -> None:
        for finding in findings:
            if finding is not None:
                await self._queue.put(finding)

    async def findings(self) -> AsyncGenerator[Finding, None]:
        """Until closed. Raises what a task has raised, which no task should."""
        try:
            while True:
                getting = asyncio.ensure_future(self._queue.get())
                try:
                    await asyncio.wait((getting, self._failed), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    getting.cancel()
                if self._failed.done():
                    self._failed.result()
                yield await getting
        finally:
            await self._end()

    async def _end(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._failed.cancel()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not self._failed.done():
            self._failed.set_exception(error)
