"""Objects of one collection as they come and go: list, then watch, for as long as it takes.

A watch that says nothing proves nothing: an API server that is frozen or drains leaves it silent without an
error. So bookmarks are asked for, and a watch without a sign of life is begun anew where it stood. A watch
that cannot be continued, because what it missed is compacted away, is begun with a list, which tells what is
gone as well.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import orjson

from crossover.errors import cut
from crossover.kubernetes.backoff import Backoff
from crossover.kubernetes.client import KubernetesClient
from crossover.kubernetes.errors import ApiError, Away, Expired, Missing

Object = dict[str, Any]
Name = tuple[str, str]
"""Namespace and name."""

SILENCE = 90.0
"""Seconds. The API server sends a bookmark about once a minute."""

PAGE = 500
"""Objects of one page of a list: as many as client-go asks for."""

_LASTS = 300
"""Seconds, up to twice that: the API server ends watches then, at no loss."""

_PAUSE = 0.2
"""Seconds at most between a watch and the next one, should they end at once."""

_LONGEST_EVENT = 16 << 20
"""Bytes. What etcd keeps has a tenth of that."""


@dataclass(frozen=True, slots=True)
class Changed:
    """An object is there, or is as it is now.

    Args:
        live: the watch saw it happen; else a list has found it.
        version: the resource version as of which the object is so: a list's may be later than its own.
    """

    object: Object
    live: bool
    version: int


@dataclass(frozen=True, slots=True)
class Gone:
    """It was deleted, or does not match the labels any more.

    Args:
        version: the resource version as of which it is so.
    """

    name: Name
    version: int


@dataclass(frozen=True, slots=True)
class Listed:
    """All that is there has been told of, and what is gone; again after each list."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Nothing is known for a while.

    Args:
        first: of this outage; the others are tries to end it.
    """

    error: ApiError
    first: bool


class Resumed:
    """An outage is over: the watch goes on, or a list has made up for it."""


Event = Changed | Gone | Listed | Interrupted | Resumed


class Watch:
    """One collection. Of its objects nothing is kept but their names.

    Args:
        path: of the collection.
        labels: a label selector.
        name: only the object of this name.
        restarted: told, in a word, why a watch was begun anew: `ended`, `expired` or `away`.
        silence: seconds without a sign of life after which a watch is begun anew.
    """

    def __init__(
        self,
        client: KubernetesClient,
        path: str,
        labels: str = "",
        *,
        name: str = "",
        restarted: Callable[[str], None] = lambda _: None,
        silence: float = SILENCE,
        page: int = PAGE,
    ) -> None:
        self._client = client
        self._path = path
        self._selector = {"labelSelector": labels} if labels else {}
        if name:
            self._selector["fieldSelector"] = f"metadata.name={name}"
        self._restarted = restarted
        self._silence = silence
        self._page = page
        self._known: set[Name] = set()
        self._version = ""

    async def events(self) -> AsyncGenerator[Event, None]:
        """Without end, and without errors: they are told, and waited out."""
        backoff, away = Backoff(), False
        while True:
            watching = bool(self._version)
            reading = self._watched() if watching else self._listed()
            try:
                async with aclosing(reading):
                    async for event in reading:
                        backoff.over()
                        if event is not None:
                            yield event
                        if away and (watching or isinstance(event, Listed)):
                            away = False
                            yield Resumed()
                if self._version:
                    backoff.over()
            except Expired as error:
                self._version = ""
                self._restarted("expired")
                await asyncio.sleep(backoff.failed(error))
            except ApiError as error:
                if isinstance(error, Missing):
                    self._version = ""  # the kind of object is gone, and its objects with it
                self._restarted("away")
                pause = backoff.failed(error)
                yield Interrupted(error, first=not away)
                away = True
                await asyncio.sleep(pause)

    async def _listed(self) -> AsyncGenerator[Event | None, None]:
        """Page by page, so that a huge collection is never in memory at once."""
        found: set[Name] = set()
        params = {**self._selector, "limit": str(self._page)}
        while True:
            page = await self._client.get(self._path, params)
            meta = page.get("metadata") or {}
            version = version_of(page)
            for item in page.get("items") or ():
                found.add(name_of(item))
                self._known.add(name_of(item))
                yield Changed(item, live=False, version=version)
            if not meta.get("continue"):
                break
            params["continue"] = meta["continue"]
        for name in self._known - found:
            yield Gone(name, version)
        self._known, self._version = found, str(meta.get("resourceVersion", ""))
        yield Listed()

    async def _watched(self) -> AsyncGenerator[Event | None, None]:
        """None for a sign of life that changes nothing."""
        params = self._selector | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(random.randint(_LASTS, 2 * _LASTS)),
        }
        stream = self._client.stream(self._path, params, quiet=self._silence)
        async with stream as chunks:
            if chunks is not None:
                async with aclosing(_lines(chunks)) as events:
                    async for event in events:
                        yield self._event(str(event.get("type")), event.get("object") or {})
        self._restarted("ended")
        await asyncio.sleep(random.uniform(0, _PAUSE))

    def _event(self, kind: str, item: Object) -> Event | None:
        if kind == "ERROR":
            if item.get("code") == 410:
                raise Expired("The resource version is too old.")
            raise Away(f"The watch has failed: {cut(str(item.get('message')))}")
        self._version = str(item["metadata"]["resourceVersion"])
        if kind == "BOOKMARK":
            return None
        name = name_of(item)
        if kind == "DELETED":
            self._known.discard(name)
            return Gone(name, version_of(item))
        self._known.add(name)
        return Changed(item, live=True, version=version_of(item))


def version_of(item: Mapping[str, Any]) -> int:
    """Of an object or a list; 0 where it has none. All that one etcd keeps is numbered in one row.

    Kubernetes says that of objects of one kind only, so nothing may depend on it but how soon something is
    known: what looks older than it is has to be asked for.
    """
    metadata = item.get("metadata")
    version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
    return int(version) if isinstance(version, str) and version.isascii() and version.isdigit() else 0


def name_of(item: Object) -> Name:
    meta = item["metadata"]
    return str(meta.get("namespace", "")), str(meta["name"])


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Object, None]:
    """Ends where the connection breaks: half an event is none. Raises Away where nothing came at all."""
    rest, any_came = bytearray(), False
    try:
        async for chunk in chunks:
            rest += chunk
            if len(rest) > _LONGEST_EVENT:
                return
            *lines, rest = rest.split(b"\n")
            for line in filter(None, lines):
                any_came = True
                yield orjson.loads(line)
    except (Away, orjson.JSONDecodeError) as error:
        if not any_came:
            raise Away("Watches of the Kubernetes API break at once.") from error
