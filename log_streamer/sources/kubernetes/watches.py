"""Objects of one collection as they come and go, and what of the Kubernetes API's outages is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from crossover.kubernetes import errors
from crossover.kubernetes.watch import (
    SILENCE,
    Changed,
    Event,
    Gone,
    Interrupted,
    Listed,
    Name,
    Resumed,
    Watch,
    name_of,
)
from log_streamer.sources.gathering import Gathering
from log_streamer.sources.kubernetes.client import KubernetesClient, source_error
from log_streamer.sources.source import Denied, SourceError, Trouble

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Objects:
    """What is watched: a collection's path, and which of its objects."""

    path: str
    labels: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """An object that was deleted, or does not match any more."""

    namespace: str
    name: str
    uid: str


class Observer(Protocol):
    """Who is told of the objects. Each is told again whenever it has changed."""

    async def take(self, found: Object) -> None: ...

    async def lost(self, lost: Lost) -> None: ...

    async def looked(self) -> None:
        """All that is there has been told of, or is kept from us; again after each list."""
        ...


@dataclass(slots=True)
class Troubles:
    """What the watches of one locator know of an outage: it is told once for all of them.

    Args:
        on_over: called when all of them have had an answer again.
    """

    locator: str
    found: Gathering
    on_over: Callable[[], Awaitable[None]]
    _away: set[Objects] = field(default_factory=set)

    async def tell(self, objects: Objects, error: SourceError, *, first: bool) -> None:
        trouble, known = Trouble(self.locator, error.detail) if first else None, bool(self._away)
        if isinstance(error, Denied):
            self._away.discard(objects)
        else:
            self._away.add(objects)
            trouble = None if known else trouble
        await self.found.put(trouble)

    async def over(self, objects: Objects) -> None:
        if objects in self._away:
            self._away.discard(objects)
            if not self._away:
                await self.on_over()

    @property
    def away(self) -> bool:
        return bool(self._away)


class ObjectWatch:
    """Tells `observer` of `objects` for as long as `run` runs."""

    def __init__(
        self,
        client: KubernetesClient,
        objects: Objects,
        observer: Observer,
        troubles: Troubles,
        silence: float = SILENCE,
    ) -> None:
        self._watch = Watch(client.api, objects.path, objects.labels, name=objects.name, silence=silence)
        self._objects = objects
        self._observer = observer
        self._troubles = troubles
        self._uids: dict[Name, str] = {}

    async def run(self) -> None:
        """Until cancelled."""
        async with aclosing(self._watch.events()) as events:
            async for event in events:
                await self._take(event)

    async def _take(self, event: Event) -> None:
        match event:
            case Changed():
                await self._change(event.object)
            case Gone():
                await self._lose(event.name)
            case Listed():
                await self._observer.looked()
            case Interrupted():
                await self._fail(event.error, first=event.first)
            case Resumed():
                await self._troubles.over(self._objects)

    async def _change(self, item: Object) -> None:
        """One that was made anew under the name of another, while nobody looked, is another."""
        name, uid = name_of(item), str(item["metadata"]["uid"])
        if self._uids.get(name) != uid:
            await self._lose(name)
        self._uids[name] = uid
        await self._observer.take(item)

    async def _lose(self, name: Name) -> None:
        if (uid := self._uids.pop(name, None)) is not None:
            await self._observer.lost(Lost(*name, uid))

    async def _fail(self, error: errors.ApiError, *, first: bool) -> None:
        if isinstance(error, errors.Missing):
            error = errors.Denied("The Kubernetes API has no such kind of object.")
        await self._troubles.tell(self._objects, source_error(error), first=first)
        if isinstance(error, errors.Denied):
            await self._observer.looked()
