"""Which replica acts: an election by Lease, in which no two replicas ever believe to lead at once.

Times are taken from our own monotonic clock only; the times in the Lease are for people. A holder counts its
validity from the moment it *sent* its last good renewal, and a rival takes over only after it has itself seen
the Lease unchanged for a whole duration: whatever either clock says, the first ends before the second begins.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from bridge.argo.agent.lease import Lease, lease_path
from crossover.errors import cut
from crossover.kubernetes.client import KubernetesClient
from crossover.kubernetes.errors import ApiError, Contended, Missing
from crossover.telemetry import get_logger

_log = get_logger(__name__)

NAME = "crossover-agent"

END_LIMIT = 10.0
"""Seconds that `lead` has for ending. Beyond them the process must not go on: it would lead twice."""

NEVER = float("-inf")

Lead = Callable[[], Coroutine[Any, Any, None]]
"""What a leader does. It is cancelled when leadership is lost."""


def lease_name(shard: int | None = None, shards: int = 1) -> str:
    """Each shard of the namespaces has a leader of its own."""
    return NAME if shard is None else f"{NAME}-{shard}-of-{shards}"


def identity(pod: str) -> str:
    """A holder's name. The random part tells a process from its predecessor in the same pod."""
    return f"{pod}_{secrets.token_hex(4)}"


def clock() -> float:
    """Seconds that only go forward, also while the machine sleeps."""
    if sys.platform == "linux":
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


@dataclass(frozen=True, slots=True)
class Terms:
    """Seconds.

    Args:
        duration: for which a Lease is good after a renewal.
        renew: between renewals.
        look: between looks of those who wait.
        margin: by which a holder ends before the duration does: what it sent has to arrive until then.
        release: for giving the Lease up at the end: a shutdown has other things to do, and it expires anyway.
    """

    duration: int = 15
    renew: float = 3.0
    look: float = 0.5
    margin: float = 5.0
    release: float = 2.0

    def __post_init__(self) -> None:
        if not 0 < self.renew < self.duration - self.margin < self.duration:
            raise ValueError("a lease must be renewed before its margin begins")


class Leading(Protocol):
    """What a writer asks of the election."""

    def may_write(self) -> bool: ...

    def remaining(self) -> float: ...


class Election:
    """One candidate for one Lease.

    Args:
        identity: unlike every other candidate's, also of earlier processes.
    """

    def __init__(
        self, api: KubernetesClient, namespace: str, name: str, identity: str, terms: Terms | None = None
    ) -> None:
        self._api = api
        self._path = lease_path(namespace)
        self._name = name
        self._identity = identity
        self._terms = terms or Terms()
        self._until = NEVER

    def may_write(self) -> bool:
        """To be asked right before each write: the answer ages while anything is awaited."""
        return self.remaining() > 0

    def remaining(self) -> float:
        """Seconds for which we may write if no renewal succeeds from now on; 0 and less: not any more."""
        return self._until - clock()

    async def run(self, lead: Lead) -> None:
        """Stands for election again and again; `lead` runs while we lead and is cancelled when we do not.

        Ends or raises as `lead` does by itself. Cancelled, it ends `lead` first and then gives up the Lease,
        so that a successor takes over at once.
        """
        ended = False
        while not ended:
            lease = await self._wait()
            _log.info("the agent leads", lease=self._name, holder=self._identity)
            try:
                ended = await self._term(lead, lease)
            finally:
                self._until = NEVER
                _log.info("the agent does not lead", lease=self._name, holder=self._identity)

    async def _wait(self) -> Lease:
        """Until the Lease is ours."""
        seen, since, term = None, NEVER, 0.0
        while True:
            try:
                lease = await self._look()
                if lease.version != seen:
                    seen, since = lease.version, clock()
                    term = lease.duration or self._terms.duration
                if lease.free or lease.holder == self._identity or clock() - since > term:
                    return await self._take(lease)
            except Contended:
                _log.debug("somebody else was quicker", lease=self._name)
            except ApiError as error:
                _log.warning("the lease cannot be had", lease=self._name, reason=cut(error.detail))
                await asyncio.sleep(self._terms.renew)
            await asyncio.sleep(self._terms.look * random.uniform(0.8, 1.2))

    async def _look(self) -> Lease:
        """The Lease as it is. One that is not there may have been deleted under a living holder: it is made
        as one that nobody renews, so that everybody waits for a duration, its maker too."""
        try:
            return await self._get()
        except Missing:
            fresh = Lease.made(self._name, self._terms.duration, _now())
            return Lease(await self._api.post(self._path, fresh.body))

    async def _take(self, lease: Lease) -> Lease:
        sent = clock()
        ours = await self._put(lease.taken(self._identity, self._terms.duration, _now()))
        self._until = self._good_until(sent)
        return ours

    async def _term(self, lead: Lead, lease: Lease) -> bool:
        """Until we lead no more; whether `lead` ended by itself."""
        held = _Held(lease)
        work = asyncio.create_task(lead())
        renewals = asyncio.create_task(self._renew(held))
        try:
            await asyncio.wait((work, renewals), return_when=asyncio.FIRST_COMPLETED)
        finally:
            lost = renewals.done()
            await _end(work, renewals)
            if not lost:
                self._until = NEVER
                await self._release(held.lease)
        if work.cancelled():
            return False
        work.result()
        return not lost

    async def _renew(self, held: _Held) -> None:
        """Returns when the Lease is lost, or has not been renewed for so long that it counts as lost."""
        pause = self._terms.renew
        while (left := self.remaining()) > 0:
            await asyncio.sleep(min(pause, left))
            sent = clock()
            try:
                async with asyncio.timeout(max(0.0, self.remaining())):
                    held.lease = await self._change(held.lease, lambda lease: lease.renewed(_now()))
                ours = held.lease.holder == self._identity
                self._until = self._good_until(sent) if ours else NEVER
                pause = self._terms.renew
            except Missing:
                self._until = NEVER
            except (ApiError, TimeoutError) as error:
                _log.warning("the lease was not renewed", lease=self._name, reason=type(error).__name__)
                pause = self._terms.look

    async def _release(self, lease: Lease) -> None:
        try:
            async with asyncio.timeout(self._terms.release):
                await self._change(lease, lambda lease: lease.given_up(_now()))
        except (ApiError, TimeoutError) as error:
            _log.warning("the lease was not given up", lease=self._name, reason=type(error).__name__)

    async def _change(self, lease: Lease, change: Callable[[Lease], Lease]) -> Lease:
        """The Lease as it is now: changed, or somebody else's. A conflict need not mean that it is lost:
        somebody may have edited it, or the answer to an earlier change of ours did not come."""
        try:
            return await self._put(change(lease))
        except Contended:
            current = await self._get()
        return current if current.holder != self._identity else await self._put(change(current))

    async def _get(self) -> Lease:
        return Lease(await self._api.get(f"{self._path}/{self._name}"))

    async def _put(self, lease: Lease) -> Lease:
        """Compare and set: only what is still as we know it is replaced."""
        return Lease(await self._api.put(f"{self._path}/{self._name}", lease.body))

    def _good_until(self, sent: float) -> float:
        return sent + self._terms.duration - self._terms.margin


class _Held:
    """The newest Lease of a term, shared by who renews it and who gives it up."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    _, running = await asyncio.wait(tasks, timeout=END_LIMIT)
    if running:
        raise RuntimeError(f"what only a leader may do did not end within {END_LIMIT:.0f} s")


def _now() -> str:
    """As Kubernetes writes it (MicroTime)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
