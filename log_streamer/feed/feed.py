"""One trace's feed: what locators find is followed, merged, and kept for all who watch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from crossover.telemetry import get_logger
from log_streamer.feed.completion import Completion
from log_streamer.feed.cursor import digest_of
from log_streamer.feed.history import FeedEntry, History
from log_streamer.feed.merge import Merge
from log_streamer.feed.notices import Notice, gap_notice, state_notice
from log_streamer.feed.settings import FeedSettings
from log_streamer.feed.tap import FeedTap
from log_streamer.hub.hub import Hub
from log_streamer.lines.records import Lines, Record
from log_streamer.lines.secrets import Redactor
from log_streamer.lines.stamps import ZERO, stamp_of_nanos, stamp_of_time
from log_streamer.metrics import Metrics
from log_streamer.model import Container, Kind, Node, Reason, State
from log_streamer.sources.source import Engine, Finding, Found, Locator, Looked, Scope, Trouble

_log = get_logger(__name__)

NOTICES = "notices"
LINE_LIMIT = "CROSSOVER_LOG_STREAMER_LINE_LIMIT"
CONTAINER_LIMIT = "CROSSOVER_LOG_STREAMER_CONTAINER_LIMIT"


@dataclass(frozen=True, slots=True)
class Over:
    """The trace is complete: its workflow's phase, or its runs', where one is known."""

    phase: str | None


class Feed:
    """Begins at `since`, in nanoseconds since the epoch; 0 is everything there is. Without a hub nothing
    is followed: then `found` tells what could be read.

    Used in one event loop; `news` tells when there is something to look at.
    """

    def __init__(
        self,
        scope: Scope,
        locators: Sequence[Locator],
        hub: Hub | None,
        redactor: Redactor,
        settings: FeedSettings,
        metrics: Metrics,
        since: int = 0,
    ) -> None:
        self.scope = scope
        self.settings = settings
        self._redactor = redactor
        self.found: dict[str, Found] = {}
        self.readers: set[Callable[[], int]] = set()
        self.over: Over | None = None
        self._locators = locators
        self._hub = hub
        self._metrics = metrics
        self.since = since
        self._since = stamp_of_nanos(since) if since else ZERO
        self.history = History(settings.history_lines, settings.history_bytes)
        self._merge: Merge[FeedEntry] = Merge(settings.window, settings.merge_limit)
        self._completion = Completion([locator.name for locator in locators], settings.drain)
        self._taps: dict[str, FeedTap] = {}
        self._ended: set[str] = set()
        self._bringing: set[str] = set()
        """Logs that still bring their past."""
        self._settled_at = 0.0
        self._states: dict[tuple[Kind, str], State] = {}
        self._nodes: dict[str, Node] = {}
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._last_tick = self._due = 0.0
        self._news = asyncio.Event()
        self._looked = asyncio.Event()
        self._stopping: asyncio.Task[None] | None = None
        self._refused = 0
        self._merge.open(NOTICES, self._loop.time(), aside=True)
        self._tasks = [asyncio.create_task(self._locate(locator)) for locator in locators]
        self._pulsing = asyncio.create_task(self._pulse())

    async def opened(self) -> bool | None:
        """Whether anything of the trace is known, once all have looked; None when some could not."""
        try:
            async with asyncio.timeout(self.settings.look):
                await self._looked.wait()
        except TimeoutError:
            pass
        return self._completion.known

    @property
    def known(self) -> bool:
        return bool(self._completion.known)

    @property
    def trouble(self) -> str:
        """Why some locator could not look, in one sentence."""
        return self._completion.trouble

    @property
    def phase(self) -> str | None:
        """How the workflow, or its runs, ended; None while they go on."""
        return self._completion.phase

    def is_full(self, container: Container) -> bool:
        """Whether even the fastest viewer is far behind: then this log is read more slowly, unless others
        wait for it."""
        if not self.readers:
            return False
        unread = self.history.lines - max(read() for read in self.readers)
        if unread > self.settings.pace or unread + self._merge.held <= self.settings.pace:
            return unread > self.settings.pace
        return container.key not in self._merge.behind()

    @property
    def settled(self) -> bool:
        """Whether every log found so far has brought its past, and that has been handed on."""
        if self._bringing or not self._looked.is_set():
            return False
        return not self._merge.held or self._loop.time() > self._settled_at + self.settings.window

    @property
    def taken(self) -> int:
        """How much has come so far, handed on or not."""
        return self.history.lines + self._merge.held

    async def news(self) -> None:
        """Returns when something happened, and every second, so that viewers can mind their clocks
        without a timer each."""
        await self._news.wait()

    def wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def close(self) -> None:
        self._pulsing.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._stopping is not None:
            self._stopping.cancel()
        await self._stop()

    async def _stop(self) -> None:
        """Lets go of everything outside; what is in memory can still be read."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        taps, self._taps = self._taps, {}
        if self._hub is not None:
            await asyncio.gather(*(self._hub.detach(tap.container, tap) for tap in taps.values()))

    # What locators find

    async def _locate(self, locator: Locator) -> None:
        """A locator survives its system's troubles; what ends it is a mistake of ours, told and repeated."""
        while True:
            try:
                findings: AsyncGenerator[Finding, None] = locator.watch(self.scope)
                async with aclosing(findings):
                    async for finding in findings:
                        self._take(finding)
            except Exception:
                _log.exception("a locator broke", locator=locator.name, trace_id=self.scope.trace_id)
                self._take(Trouble(locator.name, "The service made a mistake; its own log says which."))
            await asyncio.sleep(5.0)

    def _take(self, finding: Finding) -> None:
        match finding:
            case Found():
                self._follow(finding)
            case State():
                self._change(finding)
            case Trouble():
                self._notice(gap_notice(Reason.AWAY, finding.detail, since=stamp_of_time(time.time())))
        if isinstance(finding, Engine | Looked | Trouble):
            self._completion.take(finding, self._loop.time())
            if self._completion.all_looked and not self._looked.is_set():
                self._looked.set()
        self._poke()

    def _change(self, state: State) -> None:
        """Several locators may tell the same; progress has no time of its own, so it gets ours. Messages are
        of applications, and masked as their lines are."""
        state = replace(state, message=self._redactor.mask(state.message))
        before = self._states.get((state.kind, state.id))
        if before == state:
            return
        self._states[state.kind, state.id] = state
        if state.kind is Kind.RUN and state.node is not None:
            self._nodes[state.id] = state.node
        if before is not None and (before.phase, before.attempt) == (state.phase, state.attempt):
            now = stamp_of_time(time.time())
            state = replace(state, ts=now[:23].decode() + "Z")
        self._notice(state_notice(state))

    def _follow(self, found: Found) -> None:
        container = found.container
        if container.key in self.found:
            return
        if len(self.found) >= self.settings.containers:
            self._refuse(container)
            return
        self.found[container.key] = found
        if self._hub is None:
            return
        tap = FeedTap(
            self,
            container,
            self.lines_of(container),
            trace=self.scope.trace_id,
            tenant=self.scope.tenant.name,
            since=self._since,
        )
        self._taps[container.key] = tap
        self._bringing.add(container.key)
        if not self._looked.is_set():  # those found at first bring their past together
            self._merge.open(container.key, self._loop.time())
        self._hub.attach(container, found.source, tap, self.since // 1_000_000_000 or None)

    def lines_of(self, container: Container) -> Lines:
        return Lines(
            container,
            self._redactor,
            limit=self.settings.line_limit,
            limit_name=LINE_LIMIT,
            nodes=self._nodes,
        )

    def _refuse(self, container: Container) -> None:
        self._refused += 1
        if self._refused == 1:
            detail = f"Only {self.settings.containers} logs are followed for one trace: {CONTAINER_LIMIT}."
            self._notice(gap_notice(Reason.UNREADABLE, detail, container=container))

    # What taps bring

    def push(self, container: Container, entries: Sequence[Record | Notice], upto: bytes) -> None:
        now = self._loop.time()
        if self._merge.drained(container.key):
            self._merge.open(container.key, now)
        self._merge.push(container.key, entries, now, upto)
        self._poke()

    def settle(self, container: Container) -> None:
        self._merge.settle(container.key)
        self._brought(container)
        self._poke()

    def finish(self, container: Container) -> None:
        self._merge.close(container.key)
        self._brought(container)
        self._taps.pop(container.key, None)
        self._ended.add(container.key)
        self._poke()

    def _brought(self, container: Container) -> None:
        if container.key in self._bringing:
            self._bringing.remove(container.key)
            self._settled_at = self._loop.time()
            self.wake()

    def _notice(self, notice: Notice) -> None:
        self._merge.push(NOTICES, [notice], self._loop.time())

    # Handing on

    def _poke(self, at: float = 0.0) -> None:
        """Sees to it that a tick comes: as soon as the last one is a tick ago."""
        at = max(at, self._last_tick + self.settings.tick)
        if self._timer is not None:
            if self._due <= at:
                return
            self._timer.cancel()
        self._due = at
        self._timer = self._loop.call_at(at, self._tick)

    def hand_on(self) -> None:
        """Hands on what need not wait, now."""
        if self._timer is not None:
            self._timer.cancel()
        self._tick()

    def _tick(self) -> None:
        self._timer = None
        self._last_tick = now = self._loop.time()
        entries = self._merge.release(now)
        done = {key for key in self._ended if self._merge.drained(key)}
        fresh = frozenset(digest_of(key) for key in done)
        self._ended -= done
        if entries or fresh:
            before = self.history.lines
            self.history.append(entries, fresh)
            late = sum(entry.late for entry in entries if isinstance(entry, Record))
            lines = self.history.lines - before
            self._metrics.handed_on(lines, late)
            self.wake()
        self._complete(now)
        if self.over is None and (due := self._merge.due(now)) is not None:
            self._poke(due)

    def _complete(self, now: float) -> None:
        open_logs = any(not tap.container.shared for tap in self._taps.values())
        wait = self._completion.wait(now, open_logs=open_logs)
        if wait is None:
            return
        if wait > 0:
            self._poke(now + wait)
        elif self.over is None and not self._merge.held:
            self.over = Over(self._completion.phase)
            self._stopping = asyncio.create_task(self._stop())
            self.wake()

    async def _pulse(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            self.wake()
