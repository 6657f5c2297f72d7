"""The worker's log beside the workflow's own lines, as they are written."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

LOOK_EVERY = 0.05
"""Seconds: at most this late, which nobody sees."""


class WorkerLines:
    """Follows a JSON-lines log and prints what belongs to a trace, shortened for people."""

    def __init__(self, log: Path, out: TextIO, *, color: bool) -> None:
        self._log = log
        self._out = out
        self._color = color

    @asynccontextmanager
    async def shown(self) -> AsyncGenerator[None, None]:
        """While the block runs, and until the log's present end after it."""
        done = asyncio.Event()
        task = asyncio.create_task(self._follow(done))
        try:
            yield
        finally:
            done.set()
            await task

    async def _follow(self, done: asyncio.Event) -> None:
        rest = ""
        with self._log.open() as log:
            log.seek(0, 2)
            while True:
                last = done.is_set()
                *lines, rest = (rest + log.read()).split("\n")
                for line in lines:
                    self._print(line)
                if last:
                    return
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(done.wait(), LOOK_EVERY)

    def _print(self, line: str) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            return
        if not record.get("trace_id"):
            return
        where = record.get("activity") or record.get("workflow_type") or ""
        text = f"worker │ {where}: {record.get('msg')}"
        dim, plain = ("\x1b[2m", "\x1b[0m") if self._color else ("", "")
        self._out.write(f"  {dim}{text}{plain}\n")
        self._out.flush()
