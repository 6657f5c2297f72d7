"""One container's log, as it comes over any number of connections, into the lines of each trace."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from log_streamer.hub.taps import Taps
from log_streamer.lines.demux import Demux
from log_streamer.lines.positions import Position, Resume, position_after, resume_lines
from log_streamer.lines.splitter import Splitter
from log_streamer.lines.stamps import stamp_of_time
from log_streamer.metrics import Metrics
from log_streamer.model import Container, Reason

SETTLE = 0.3
"""Seconds of silence after opening by which a log has brought its past."""

RESUME = 2.0
"""Seconds of silence by which a line that was read before, and must come again, will not come any more."""

ROTATED = "The log was rotated or cut while nobody could read it: lines may be missing."


class Reader:
    """`begin` a connection, `feed` it, `finish` it where the log is known to end there."""

    def __init__(self, container: Container, taps: Taps, metrics: Metrics) -> None:
        self.position: Position | None = None
        self.settled = False
        self._shared = container.shared
        self._taps = taps
        self._metrics = metrics
        self._demux = Demux(tagged=container.tagged)
        self._splitter = Splitter()
        self._resume: Resume[bytes] | None = None
        self._quiet: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """A connection that brings the log from a little before `position` on, or from its beginning."""
        self._splitter = Splitter()
        self._resume = None if self.position is None else resume_lines(self.position)
        self._watch_for_quiet()

    def feed(self, chunk: bytes) -> bool:
        """Whether the chunk completed any line."""
        self._metrics.read(len(chunk))
        block = self._splitter.feed(chunk)
        if block:
            self._take(block)
        if not self.settled or self._resume is not None:
            self._watch_for_quiet()
        return bool(block)

    def finish(self) -> None:
        """The log ends here: what has no line end is a line, and what has not come will not."""
        if block := self._splitter.end():
            self._take(block)
        self._give_up()
        self.settle()

    def pause(self) -> None:
        """Between connections nothing is waited for."""
        if self._quiet is not None:
            self._quiet.cancel()
            self._quiet = None

    def settle(self) -> None:
        self.settled = True
        self._taps.settle()

    def gap(self, reason: Reason, detail: str, until: bytes | None = None) -> None:
        since = self.position.stamp if self.position else None
        self._metrics.gap(reason.value)
        for tap in self._taps:
            tap.gap(reason, detail, since, until)

    def _take(self, block: bytes) -> None:
        if self._resume is not None:
            new = self._resume.take(block[:-1].split(b"\n"))
            if self._resume.over:
                self._resumed(new, proven=self._resume.proven)
            return
        self._hand_on(block)

    def _resumed(self, new: Sequence[bytes], *, proven: bool) -> None:
        self._resume = None
        if not proven:
            first = position_after(new[0] + b"\n", None) if new else None
            self.gap(Reason.ROTATED, ROTATED, first.stamp if first else None)
        if new:
            self._hand_on(b"\n".join(new) + b"\n")

    def _hand_on(self, block: bytes) -> None:
        self.position = position = position_after(block, self.position)
        upto = position.stamp if position else b""
        if not self._shared:
            lines = block[:-1].split(b"\n")
            for tap in self._taps:
                tap.lines(lines, upto)
            return
        found = self._demux.take(block, self._taps.traces)
        for trace in list(self._taps.traces):
            for tap in list(self._taps.of(trace)):
                tap.lines(found.get(trace, ()), upto)

    def _give_up(self) -> None:
        if self._resume is not None:
            self._resumed(self._resume.give_up(), proven=False)

    def _watch_for_quiet(self) -> None:
        self.pause()
        if self.position and self.position.stamp >= stamp_of_time(time.time() - 1.0):
            self.settle()
        delay = SETTLE if self._resume is None else RESUME
        self._quiet = asyncio.get_running_loop().call_later(delay, self._on_quiet)

    def _on_quiet(self) -> None:
        """Newer lines have come without the one before them. While none at all come, nothing is lost."""
        if self._resume is not None and self._resume.holds:
            self._give_up()
        self.settle()
