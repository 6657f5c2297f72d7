"""Takes one container's lines of one trace into its feed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from log_streamer.feed.notices import Notice, gap_notice
from log_streamer.lines.positions import stamp_of_line
from log_streamer.lines.records import Lines, Record
from log_streamer.lines.stamps import ZERO
from log_streamer.model import Container, Reason


class Sink(Protocol):
    """What a tap needs of its feed."""

    def is_full(self, container: Container) -> bool: ...

    def push(self, container: Container, entries: Sequence[Record | Notice], upto: bytes) -> None: ...

    def settle(self, container: Container) -> None: ...

    def finish(self, container: Container) -> None: ...


class FeedTap:
    """Implements `hub.follow.Tap`.

    Args:
        tenant: lines of a shared log that name a run of another tenant are left out, whatever they say
            their trace is.
        since: older lines are left out; logs can be asked for by whole seconds only.
    """

    def __init__(
        self, sink: Sink, container: Container, lines: Lines, *, trace: str, tenant: str, since: bytes
    ) -> None:
        self.trace = trace.encode()
        self.container = container
        self._sink = sink
        self._lines = lines
        self._since = since
        self._foreign = foreign_runs(tenant) if container.shared else None

    @property
    def full(self) -> bool:
        return self._sink.is_full(self.container)

    def lines(self, lines: Sequence[bytes], upto: bytes) -> None:
        if lines and self._since != ZERO:
            lines = [line for line in lines if (stamp_of_line(line) or upto) >= self._since]
        if self._foreign is not None:
            lines = [line for line in lines if not self._foreign(line)]
        self._sink.push(self.container, self._lines.take(lines) if lines else (), upto)

    def gap(self, reason: Reason, detail: str, since: bytes | None, until: bytes | None) -> None:
        notice = gap_notice(reason, detail, container=self.container, since=since, until=until)
        self._sink.push(self.container, [notice], b"")

    def settled(self) -> None:
        self._sink.settle(self.container)

    def ended(self) -> None:
        self._sink.finish(self.container)


def foreign_runs(tenant: str) -> Callable[[bytes], object]:
    """Whether a line names a run of a tenant other than `tenant`: run ids begin with their tenant."""
    own = re.escape(tenant.encode())
    return re.compile(rb"workflow_id(?:=\"?|\"\s?:\s?\")crossover/(?!" + own + rb"/)").search
