"""One trace's search through collections of objects, which grow in number as more is learned of the trace."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from crossover.kubernetes.watch import SILENCE
from log_streamer.sources.gathering import Gathering
from log_streamer.sources.kubernetes.client import KubernetesClient
from log_streamer.sources.kubernetes.watches import Lost, Object, Objects, ObjectWatch, Troubles
from log_streamer.sources.source import Finding, Looked, Scope


class Search(ABC):
    """Begins a watch for each place that the scope names, and tells when all had their first look."""

    def __init__(self, name: str, client: KubernetesClient, scope: Scope, silence: float = SILENCE) -> None:
        self.scope = scope
        self._name = name
        self._client = client
        self._silence = silence
        self._found = Gathering()
        self._troubles = Troubles(name, self._found, self._tell_look)
        self._begun: set[Objects] = set()
        self._looking: set[Objects] = set()

    @abstractmethod
    def places(self) -> set[Objects]:
        """What the scope names now."""

    @abstractmethod
    def take(self, objects: Objects, found: Object) -> Iterable[Finding]:
        """What an object of `objects` that is new or has changed means."""

    @abstractmethod
    def lost(self, objects: Objects, lost: Lost) -> Iterable[Finding]:
        """What it means that an object is no more."""

    @abstractmethod
    def learned(self) -> Iterable[Finding]:
        """What the scope's additions mean for objects that are known already."""

    @abstractmethod
    def first_look(self) -> tuple[bool, Iterable[Finding]]:
        """Whether anything of the trace was found, and what else to tell once the first look is over."""

    async def findings(self) -> AsyncGenerator[Finding, None]:
        self._found.start(self._run())
        async with aclosing(self._found.findings()) as findings:
            async for finding in findings:
                yield finding

    async def _run(self) -> None:
        while True:
            version = self.scope.version
            await self._found.put(*self.learned())
            for objects in self.places() - self._begun:
                self._begun.add(objects)
                self._looking.add(objects)
                observer = _Place(self, objects)
                watch = ObjectWatch(self._client, objects, observer, self._troubles, self._silence)
                self._found.start(watch.run())
            if not self._begun:
                await self._tell_look()
            await self.scope.changed(version)

    async def tell(self, findings: Iterable[Finding]) -> None:
        await self._found.put(*findings)

    async def looked(self, objects: Objects) -> None:
        self._looking.discard(objects)
        await self._tell_look()

    async def _tell_look(self) -> None:
        if self._looking or self._troubles.away:
            return
        known, findings = self.first_look()
        await self._found.put(*findings, Looked(self._name, known))


class _Place:
    """Observer of one collection."""

    def __init__(self, search: Search, objects: Objects) -> None:
        self._search = search
        self._objects = objects

    async def take(self, found: Object) -> None:
        await self._search.tell(self._search.take(self._objects, found))

    async def lost(self, lost: Lost) -> None:
        await self._search.tell(self._search.lost(self._objects, lost))

    async def looked(self) -> None:
        await self._search.looked(self._objects)
