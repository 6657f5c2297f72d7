"""Log files of worker processes: found by patterns, shared by many traces."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from log_streamer.lines.stamps import stamp_of_time
from log_streamer.model import Container, SourceName
from log_streamer.sources.local.files import reading
from log_streamer.sources.local.forms import Plain
from log_streamer.sources.local.tail import Tail
from log_streamer.sources.source import Engine, Finding, Found, Life, Looked, Scope
from log_streamer.sources.undated import own_stamp

LOOK_EVERY = 1.0
"""Seconds between looks for new files."""

_PREFIX = "file:"


class ProcessLogs:
    """A LogSource of log files that processes write, in JSON, logfmt or plain lines.

    Lines get a timestamp as `undated` says. Those before a file's first one get that one; in a file
    without any, all get the time at which the file was first seen here.
    """

    def __init__(self) -> None:
        self._first: dict[tuple[int, int], bytes] = {}

    def open(
        self, container: Container, *, since: int | None, follow: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        def form(at: Tail) -> Plain:
            return Plain(self._first_stamp(at), since)

        return reading(_path(container), form, since=since, follow=follow, ended=_never)

    async def life(self, container: Container) -> Life:
        return Life.RUNNING if _path(container).exists() else Life.GONE

    def _first_stamp(self, tail: Tail) -> bytes:
        known = self._first.get(tail.identity)
        if known is None:
            lines = tail.peek().split(b"\n")
            stamps = (own_stamp(line) for line in lines)
            known = next((stamp for stamp in stamps if stamp), None) or stamp_of_time(tail.written)
            self._first[tail.identity] = known
        return known


class FileLocator:
    """Finds the files that match patterns, now and later.

    Args:
        patterns: glob patterns of absolute paths; `{tenant}` stands for the tenant's name. A pattern
            without it is every tenant's, which is right on a host that serves one.
    """

    def __init__(self, patterns: Sequence[str], *, name: str = "files") -> None:
        self._patterns = tuple(patterns)
        self._source = ProcessLogs()
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def watch(self, scope: Scope) -> AsyncGenerator[Finding, None]:
        known: set[Path] = set()
        first = True
        while True:
            for path in self._matching(scope.tenant.name):
                if path not in known:
                    known.add(path)
                    yield Found(container_of(path), self._source)
            if first:
                yield Engine(self.name, over=True)
                yield Looked(self.name, known=False)
                first = False
            await asyncio.sleep(LOOK_EVERY * random.uniform(0.9, 1.1))

    def _matching(self, tenant: str) -> list[Path]:
        patterns = (pattern.replace("{tenant}", tenant) for pattern in self._patterns)
        found = {match for pattern in patterns for match in Path("/").glob(pattern.lstrip("/"))}
        return sorted(path for path in found if path.is_file())


def container_of(path: Path) -> Container:
    """A worker's log file, as a container."""
    return Container(f"{_PREFIX}{path}", SourceName.WORKER, path.stem, path.name, shared=True)


def _path(container: Container) -> Path:
    return Path(container.key.removeprefix(_PREFIX))


def _never() -> bool:
    return False
