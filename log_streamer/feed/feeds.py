"""The feeds of this process, one per trace that is watched; a feed outlives its last viewer for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

from crossover.errors import NotFound, Unavailable
from log_streamer.feed.feed import Feed
from log_streamer.feed.settings import FeedSettings
from log_streamer.hub.hub import Hub
from log_streamer.lines.secrets import Redactor
from log_streamer.metrics import Metrics
from log_streamer.sources.source import Locator, Scope, Tenant

UNKNOWN_RETRY = 2.0
"""Seconds: a trace is often asked for in the moment in which it begins."""

Locators = Callable[[Tenant], Sequence[Locator]]


class Feeds:
    """`open` a feed for one viewer; all viewers of a trace share one."""

    def __init__(
        self,
        locators: Locators,
        hub: Hub,
        redactor: Redactor,
        settings: FeedSettings,
        metrics: Metrics,
    ) -> None:
        self._locators = locators
        self._hub = hub
        self._redactor = redactor
        self._settings = settings
        self._metrics = metrics
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._users: dict[Feed, int] = {}
        self._lingering: dict[Feed, asyncio.TimerHandle] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.closing = False
        metrics.watch_feeds(lambda: len(self._users))

    @asynccontextmanager
    async def open(
        self, tenant: Tenant, trace_id: str, *, since: int, token: str | None, follow: bool
    ) -> AsyncGenerator[Feed, None]:
        """A feed that begins at `since` (nanoseconds, 0 for everything) or earlier.

        Raises:
            NotFound: nobody knows the trace.
            Unavailable: nobody does, and some could not be asked.
        """
        feed = self._shared(tenant, trace_id, since, token) if follow else None
        feed = feed or self._new(tenant, trace_id, since, token, self._hub if follow else None)
        if follow:
            self._share(feed)
        self._users[feed] = self._users.get(feed, 0) + 1
        try:
            await _known(feed)
            yield feed
        finally:
            self._leave(feed, linger=follow and feed.known)

    async def close(self) -> None:
        for timer in self._lingering.values():
            timer.cancel()
        feeds, self._users = list(self._users), {}
        await asyncio.gather(*(feed.close() for feed in feeds), *self._closing, return_exceptions=True)
        await self._hub.close()

    def shut_down(self) -> None:
        """Every stream ends now, so that its viewer goes on at another replica."""
        self.closing = True
        for feed in self._users:
            feed.wake()

    def _shared(self, tenant: Tenant, trace_id: str, since: int, token: str | None) -> Feed | None:
        feed = self._feeds.get((tenant.name, trace_id))
        if feed is None or feed.since > since:
            return None
        feed.scope.token = token
        if (timer := self._lingering.pop(feed, None)) is not None:
            timer.cancel()
        return feed

    def _new(self, tenant: Tenant, trace_id: str, since: int, token: str | None, hub: Hub | None) -> Feed:
        scope = Scope(tenant, trace_id, since=since / 1e9 if since else None, token=token)
        locators = self._locators(tenant)
        return Feed(scope, locators, hub, self._redactor, self._settings, self._metrics, since)

    def _share(self, feed: Feed) -> None:
        """The next viewers get the feed that goes back furthest."""
        key = (feed.scope.tenant.name, feed.scope.trace_id)
        shared = self._feeds.get(key)
        if shared is None or shared.since > feed.since:
            self._feeds[key] = feed

    def _leave(self, feed: Feed, *, linger: bool) -> None:
        if feed not in self._users:
            return
        self._users[feed] -= 1
        if self._users[feed]:
            return
        shared = self._feeds.get((feed.scope.tenant.name, feed.scope.trace_id)) is feed
        if linger and shared and not self.closing:
            loop = asyncio.get_running_loop()
            self._lingering[feed] = loop.call_later(self._settings.linger, self._drop, feed)
        else:
            self._drop(feed)

    def _drop(self, feed: Feed) -> None:
        self._lingering.pop(feed, None)
        self._users.pop(feed, None)
        key = (feed.scope.tenant.name, feed.scope.trace_id)
        if self._feeds.get(key) is feed:
            del self._feeds[key]
        task = asyncio.create_task(feed.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _known(feed: Feed) -> None:
    known = await feed.opened()
    trace_id = feed.scope.trace_id
    if known is None:
        raise Unavailable(
            f"Whether there is a trace {trace_id!r} cannot be told now: {feed.trouble}",
            retry_after=UNKNOWN_RETRY,
        )
    if not known:
        raise NotFound(
            f"There is no trace {trace_id!r}: no workflow of that name and no run with that trace id is "
            "known (yet, or any more).",
            retry_after=UNKNOWN_RETRY,
        )
