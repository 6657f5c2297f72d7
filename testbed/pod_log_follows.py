"""Bodies of log requests: what is readable now, and what comes, until something ends it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from aiohttp import web

from testbed.pod_log_files import ContainerLog, LogReader, lines_of

_WRITE = 256 << 10
"""Bytes that are written at once, at most about that."""

_LOOK = 0.5
"""Seconds between two looks at what may end a follow that has no news."""


@dataclass(slots=True)
class Asked:
    """The options of a log request."""

    follow: bool
    timestamps: bool
    since: float | None
    tail: int | None
    limit: int | None
    cut_after_s: float | None
    per_line: bool


@dataclass(eq=False, slots=True)
class Reading:
    """One request for a log. `order`: what is to become of it."""

    request: web.Request
    log: ContainerLog
    reader: LogReader
    asked: Asked
    order: str = ""
    sent: int = 0
    began: float = field(default_factory=time.monotonic)

    def overdue(self) -> bool:
        limit = self.asked.cut_after_s
        return limit is not None and time.monotonic() - self.began >= limit


class Readings:
    """All requests for logs that are open, and counts of those that were."""

    def __init__(self) -> None:
        self.open: set[Reading] = set()
        self.requests = 0
        self.bytes = 0
        self._now: Counter[int] = Counter()
        self.most: Counter[str] = Counter()

    async def serve(self, reading: Reading, name: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        self.requests += 1
        self.open.add(reading)
        self._now[id(reading.log)] += 1
        self.most[name] = max(self.most[name], self._now[id(reading.log)])
        try:
            await response.prepare(reading.request)
            await self._send(reading, response)
        finally:
            self.open.discard(reading)
            self._now[id(reading.log)] -= 1
        return response

    def behind(self, log: ContainerLog) -> int | None:
        """Bytes by which the slowest follow of the log is behind; None: there is none."""
        return max(
            (one.reader.behind for one in self.open if one.log is log and one.asked.follow), default=None
        )

    def order(self, log: ContainerLog, what: str) -> None:
        """`cut`: end as if the log had ended. `tear`: break off in the middle of the next line."""
        for reading in self.open:
            if reading.log is log:
                reading.order = what
        log.tell()

    def abort(self) -> None:
        """Breaks every open request."""
        for reading in self.open:
            if reading.request.transport:
                reading.request.transport.abort()

    async def _send(self, reading: Reading, response: web.StreamResponse) -> None:
        while True:
            blocks = reading.reader.take(_WRITE)
            if blocks and reading.order == "tear":
                return await self._tear(reading, response, blocks)
            if blocks and not await self._write(reading, response, blocks):
                return None
            if blocks:
                continue
            if reading.order == "cut" or reading.log.ended or not reading.asked.follow or reading.overdue():
                return None
            await reading.log.news(_wait(reading))

    async def _write(self, reading: Reading, response: web.StreamResponse, blocks: list[bytes]) -> bool:
        """False: all that the request wanted has been sent."""
        limit = reading.asked.limit
        for data in _shaped(reading.asked, blocks):
            part = data if limit is None else data[: limit - reading.sent]
            await response.write(part)
            reading.sent += len(part)
            self.bytes += len(part)
            if limit is not None and reading.sent >= limit:
                return False
        return not reading.overdue()

    async def _tear(self, reading: Reading, response: web.StreamResponse, blocks: list[bytes]) -> None:
        first = lines_of(blocks[0])[0]
        await response.write(first[: len(first) // 2])
        if reading.request.transport:
            reading.request.transport.close()


def _shaped(asked: Asked, blocks: list[bytes]) -> Iterable[bytes]:
    """The kubelet flushes each line; under load the API server passes on more at once."""
    if not asked.timestamps:
        blocks = [b"".join(line.split(b" ", 1)[1] for line in lines_of(data)) for data in blocks]
    if asked.per_line:
        return (line for data in blocks for line in lines_of(data))
    return (b"".join(blocks),)


def _wait(reading: Reading) -> float:
    if reading.asked.cut_after_s is None:
        return _LOOK
    return max(0.0, min(_LOOK, reading.began + reading.asked.cut_after_s - time.monotonic()))
