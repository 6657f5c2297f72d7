"""The watched runs of this replica: who is in, how each is noticed, and when each may go."""

from __future__ import annotations

import asyncio

from bridge.metrics import Metrics
from bridge.steps.engine import RunRef, Snapshot
from bridge.waits.polls import Polls
from bridge.waits.views import View
from bridge.waits.watch import By, Watch


class Watches(dict[RunRef, Watch]):
    """By run. Every change of how a run is noticed goes through here, so polls and metrics agree.

    `linger` is how long (seconds) a watch outlives its last client.
    """

    def __init__(self, metrics: Metrics, linger: float) -> None:
        super().__init__()
        self._metrics = metrics
        self._linger = linger
        self._polls: Polls | None = None

    def noticed_by(self, polls: Polls) -> None:
        """Polls tell the hub and the hub tells polls: the circle is closed once, at start."""
        self._polls = polls

    @property
    def polls(self) -> Polls:
        assert self._polls is not None
        return self._polls

    def add(self, snapshot: Snapshot, view: View) -> Watch:
        watch = self[snapshot.ref] = Watch(snapshot, view)
        self.expire_later(watch)
        return watch

    def has(self, watch: Watch) -> bool:
        """Whether this very watch is in: its run may have another by now."""
        return self.get(watch.ref) is watch

    def attend(self, watch: Watch) -> By:
        """From the first waiter on the run's close is listened for: by a long poll while there are any."""
        if watch.by is By.NOTHING:
            by = By.LONG_POLL if self.polls.free else By.SWEEP
            self._set_by(watch, by)
            if by is By.LONG_POLL:
                self.polls.begin(watch)
        return watch.by

    def follow_anew(self, watch: Watch) -> None:
        """The watch's run id has changed: its poll has to ask for another run."""
        if watch.by is By.LONG_POLL:
            self.polls.end(watch)
            self.polls.begin(watch)

    def left(self, watch: Watch, *, stays: bool) -> None:
        """A waiter is gone. One that was answered usually asks again; one that hung up frees its place."""
        if watch.waited_for or not self.has(watch):
            return
        if stays:
            self.expire_later(watch)
        else:
            self.drop(watch)

    def expire_later(self, watch: Watch) -> None:
        if watch.expiry is not None:
            watch.expiry.cancel()
        watch.expiry = asyncio.get_running_loop().call_later(self._linger, self._expire, watch)

    def drop(self, watch: Watch, *, promote: bool = True) -> None:
        """Forgets the watch; a long poll that becomes free goes to a run that waits for a sweep."""
        if self.has(watch):
            del self[watch.ref]
        if watch.expiry is not None:
            watch.expiry.cancel()
        was_polled = watch.by is By.LONG_POLL
        self._set_by(watch, By.NOTHING)
        self.polls.end(watch)
        if was_polled and promote:
            self._promote()

    def _expire(self, watch: Watch) -> None:
        if not watch.waited_for and self.has(watch):
            self.drop(watch)

    def _promote(self) -> None:
        swept = next((watch for watch in self.values() if watch.by is By.SWEEP), None)
        if swept is not None:
            self._set_by(swept, By.LONG_POLL)
            self.polls.begin(swept)

    def _set_by(self, watch: Watch, by: By) -> None:
        if watch.by is not By.NOTHING:
            self._metrics.watched(-1, by=watch.by.value)
        if by is not By.NOTHING:
            self._metrics.watched(+1, by=by.value)
        watch.by = by
