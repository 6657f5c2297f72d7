"""Objects of one kind as they come and go: list, then watch, for as long as it takes.

A watch that says nothing proves nothing: an API server that is frozen or drains leaves it silent without an
error. So bookmarks are asked for, and a watch without a sign of life is begun anew where it stood.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from log_streamer.sources.gathering import Gathering
from log_streamer.sources.kubernetes.client import Expired, KubernetesClient
from log_streamer.sources.outage import Outage
from log_streamer.sources.source import Away, Denied, Gone, SourceError

Object = dict[str, Any]

SILENCE = 90.0
"""Seconds. The API server sends a bookmark about once a minute."""

_LASTS = 300
"""Seconds, up to twice that: the API server ends watches then, at no loss."""

_PAUSE = 0.2
"""Seconds at most between a watch and the next one, should they end at once."""

_LONGEST_EVENT = 16 << 20
"""Bytes. What etcd keeps has a tenth of that."""


@dataclass(frozen=True, slots=True)
class Objects:
    """What is watched: a collection's path, and which of its objects."""

    path: str
    labels: str = ""
    name: str = ""

    @property
    def params(self) -> dict[str, str]:
        params = {"labelSelector": self.labels} if self.labels else {}
        return params | ({"fieldSelector": f"metadata.name={self.name}"} if self.name else {})


class Observer(Protocol):
    """Who is told of the objects. Each is told again whenever it has changed."""

    async def take(self, found: Object) -> None: ...

    async def lost(self, found: Object) -> None:
        """It was deleted, or does not match any more."""
        ...

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

    async def tell(self, objects: Objects, outage: Outage, error: SourceError) -> None:
        trouble, known = outage.begins(error), bool(self._away)
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
        self._client = client
        self._objects = objects
        self._observer = observer
        self._troubles = troubles
        self._silence = silence
        self._outage = Outage(troubles.locator)
        self._known: dict[str, Object] = {}
        self._version = ""

    async def run(self) -> None:
        """Until cancelled. A watch that breaks is asked for again; that fails where there is an outage."""
        while True:
            try:
                if not self._version:
                    await self._list()
                await self._watch()
                await asyncio.sleep(random.uniform(0, _PAUSE))
            except (Expired, Gone) as error:
                self._version = ""
                await self._outage.wait(error)
            except SourceError as error:
                await self._troubles.tell(self._objects, self._outage, error)
                if isinstance(error, Denied):
                    await self._observer.looked()
                await self._outage.wait(error)

    async def _list(self) -> None:
        try:
            listed = await self._client.get(self._objects.path, self._objects.params)
        except Gone as error:
            raise Denied("The Kubernetes API has no such kind of object.") from error
        now = {item["metadata"]["uid"]: item for item in listed.get("items") or ()}
        for uid in self._known.keys() - now.keys():
            await self._observer.lost(self._known[uid])
        self._known = {}
        for item in now.values():
            await self._take(item)
        self._version = listed["metadata"]["resourceVersion"]
        await self._well()
        await self._observer.looked()

    async def _watch(self) -> None:
        params = self._objects.params | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(random.randint(_LASTS, 2 * _LASTS)),
        }
        stream = self._client.stream(self._objects.path, params, quiet=self._silence)
        async with stream as chunks, aclosing(_events(chunks)) as events:
            async for event in events:
                await self._event(event["type"], event["object"])
                await self._well()

    async def _event(self, kind: str, item: Object) -> None:
        if kind == "ERROR":
            raise Expired("The watch has failed: list again.")
        if kind == "DELETED":
            self._known.pop(item["metadata"]["uid"], None)
            await self._observer.lost(item)
        elif kind != "BOOKMARK":
            await self._take(item)
        self._version = item["metadata"]["resourceVersion"]

    async def _take(self, item: Object) -> None:
        """Of what is known only the name is kept."""
        meta = item["metadata"]
        self._known[meta["uid"]] = {
            "metadata": {key: meta[key] for key in ("uid", "name", "namespace") if key in meta}
        }
        await self._observer.take(item)

    async def _well(self) -> None:
        self._outage.over()
        await self._troubles.over(self._objects)


async def _events(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Object, None]:
    """Ends where the connection breaks: half an event is none. Raises Away where nothing came at all."""
    rest, any_came = bytearray(), False
    try:
        async for chunk in chunks:
            rest += chunk
            if len(rest) > _LONGEST_EVENT:
                return
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if line:
                    any_came = True
                    yield orjson.loads(line)
    except (Away, orjson.JSONDecodeError) as error:
        if not any_came:
            raise Away("Watches of the Kubernetes API break at once.") from error
