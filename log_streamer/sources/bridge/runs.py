"""Finds a trace's Temporal runs and tells of their states, through the bridge.

A list every few seconds finds runs; an event stream for each open one tells of its changes at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from log_streamer.sources.bridge.client import Bridge
from log_streamer.sources.bridge.states import (
    RunStates,
    identities_in_history,
    identities_in_view,
    is_closed,
    workflow_of,
)
from log_streamer.sources.gathering import Gathering
from log_streamer.sources.outage import Outage
from log_streamer.sources.source import Engine, Finding, Gone, Looked, Scope, SourceError

LIST_EVERY = 3.0
"""Seconds between two lists of one trace's runs."""

HISTORY_EVERY = 3.0
"""Seconds between two looks at one open run's history."""

MOST_STREAMS = 100
"""Event streams of one trace; runs beyond it are told of at the pace of the lists."""

_PAGES_WHILE_OPEN = 3
_PAGES_AT_THE_END = 20
"""Of 1,000 events: of a longer history, the last activities' ends are not told of."""


class RunLocator:
    """Watches the runs of a trace."""

    def __init__(self, bridge: Bridge, *, name: str = "temporal") -> None:
        self._bridge = bridge
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def watch(self, scope: Scope) -> AsyncGenerator[Finding, None]:
        watch = _Watch(self.name, scope, self._bridge)
        watch.gathering.start(watch.run())
        async with aclosing(watch.gathering.findings()) as findings:
            async for finding in findings:
                yield finding


class _Watch:
    """One watch of one trace."""

    def __init__(self, name: str, scope: Scope, bridge: Bridge) -> None:
        self.gathering = Gathering()
        self._name = name
        self._scope = scope
        self._bridge = bridge
        self._states = RunStates(name)
        self._outage = Outage(name)
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._closed: dict[str, str] = {}
        self._history_read_at: dict[str, float] = {}
        self._engine: Engine | None = None

    async def run(self) -> None:
        first = True
        while True:
            try:
                for view in await self._bridge.runs(*self._asked):
                    await self._listed(view)
                await self._take_decisions()
            except SourceError as error:
                await self.gathering.put(self._outage.begins(error))
                await self._outage.wait(error)
                continue
            was_away = self._outage.over()
            await self._tell_engine()
            if first or was_away:
                first = False
                await self.gathering.put(Looked(self._name, known=self._states.known))
            await asyncio.sleep(LIST_EVERY * random.uniform(0.9, 1.1))

    @property
    def _asked(self) -> tuple[str, str, str | None]:
        return self._scope.tenant.name, self._scope.trace_id, self._scope.token

    async def _take_decisions(self) -> None:
        """They say why there is a run, and why there is none. A bridge that cannot tell now costs nothing."""
        with contextlib.suppress(SourceError):
            for decision in await self._bridge.decisions(*self._asked):
                await self.gathering.put(*self._states.decided(decision))

    async def _listed(self, view: Mapping[str, Any]) -> None:
        """An open run's row knows less than the view that its stream brings, and may be older."""
        run = view["id"]
        if run in self._streams or self._closed.get(run) == view["temporal"]["run_id"]:
            return
        if is_closed(view):
            await self._take_closed(view)
        elif len(self._streams) < MOST_STREAMS:
            self._states.expect(run)
            self._learn(view)
            self._streams[run] = self.gathering.start(self._stream(run))
        else:
            await self._take(view)

    async def _stream(self, run: str) -> None:
        """Level-triggered: a stream that broke off begins with the present view again."""
        try:
            async with self._bridge.views(run, self._scope.token) as views:
                async for view in views:
                    await self._take(view)
        except Gone:
            self._states.drop(run)
            await self._tell_engine()
        except SourceError:
            pass  # the next list tells of the outage, and opens the stream again
        finally:
            self._streams.pop(run, None)

    async def _take(self, view: Mapping[str, Any]) -> None:
        if is_closed(view):
            await self._take_closed(view)
            return
        self._learn(view)
        found = self._states.take(view)
        vanished = self._states.vanished(view)
        await self.gathering.put(*found)
        due = time.monotonic() - self._history_read_at.get(view["id"], float("-inf")) > HISTORY_EVERY
        if due and (vanished or (view["phase"] == "Running" and view["id"] not in self._history_read_at)):
            await self._take_history(view, _PAGES_WHILE_OPEN)
        await self._tell_engine()

    async def _take_closed(self, view: Mapping[str, Any]) -> None:
        """Its history comes first: activities end before their run does."""
        self._learn(view)
        if self._closed.get(view["id"]) != view["temporal"]["run_id"]:
            with contextlib.suppress(Gone):
                await self._take_history(view, _PAGES_AT_THE_END)
            self._closed[view["id"]] = view["temporal"]["run_id"]
        await self.gathering.put(*self._states.take(view))
        await self._tell_engine()

    async def _take_history(self, view: Mapping[str, Any], pages: int) -> None:
        self._history_read_at[view["id"]] = time.monotonic()
        events = await self._bridge.history(view["id"], self._scope.token, pages=pages)
        self._scope.add_identities(identities_in_history(events))
        await self.gathering.put(*self._states.take_history(view, events))

    def _learn(self, view: Mapping[str, Any]) -> None:
        self._scope.add_identities(identities_in_view(view))
        if workflow := workflow_of(view):
            self._scope.add_workflow(workflow)

    async def _tell_engine(self) -> None:
        engine = self._states.engine
        if engine != self._engine:
            self._engine = engine
            await self.gathering.put(engine)
