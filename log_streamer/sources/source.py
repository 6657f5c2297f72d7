"""The protocols between the feed and the systems that lines and states come from.

    Locator.watch(scope) ──► Found(container, source) | State | Engine | Looked | Trouble
    LogSource.open(container) ──► raw bytes

A locator finds what belongs to a trace; a log source reads one container's log. One suite of contract
tests runs against every implementation (tests/log_streamer/contract).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from log_streamer.model import Container, State


class SourceError(Exception):
    """A log could not be opened or read on. The text is one sentence for people; it holds no secrets.

    Args:
        retry_after: seconds that the system asked us to wait, where it did.
    """

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class NotReady(SourceError):
    """The container has not started: there is no log yet."""


class Gone(SourceError):
    """There is no such log any more (the pod was deleted, the file removed)."""


class Denied(SourceError):
    """We lack the right to read it: an operator has to act."""


class Away(SourceError):
    """The system does not answer, or asks us to slow down; trying again later makes sense."""


class Life(StrEnum):
    """Whether more lines can come."""

    WAITING = "waiting"
    RUNNING = "running"
    ENDED = "ended"
    GONE = "gone"


class LogSource(Protocol):
    """Reads logs of one kind of container."""

    def open(
        self, container: Container, *, since: int | None, follow: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        """The log's bytes, in the order written, cut into chunks anywhere.

        Each line is `<RFC 3339 timestamp> <text>\\n`, and `<timestamp> <stdout|stderr> <text>\\n` where the
        container is `tagged`. Text is whatever bytes were written.

        Args:
            since: whole seconds since the epoch; lines older than that are left out. None: all there is.
            follow: stay, and bring what is written from now on. Without it, end at the log's present end.

        The iterator ends at the end of the log. With `follow` that may also be a connection that was cut
        in silence: `life` tells which. It raises SourceError, on entering or on the way.
        """
        ...

    async def life(self, container: Container) -> Life:
        """Asked when a follow has ended. Raises Away when that cannot be told now."""
        ...


@dataclass(frozen=True, slots=True)
class Found:
    """A container whose lines belong, or may belong, to the trace. The same one may be found twice."""

    container: Container
    source: LogSource


@dataclass(frozen=True, slots=True)
class Engine:
    """Whether the engine that `locator` watches is through with the trace.

    `phase` is how it ended, in Argo's words (Succeeded, Failed, Error), once it is `over`.
    An engine that knows nothing of the trace is over, with phase None.
    """

    locator: str
    over: bool
    phase: str | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """A complete look is done: the first one, and the first one after each `Trouble`.

    `known`: something of this very trace was found.
    """

    locator: str
    known: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """The system cannot be asked right now, in one sentence without secrets. The locator goes on trying,
    and tells by `Looked` when it knows all again: until then nobody can say that the trace is complete."""

    locator: str
    detail: str


Finding = Found | State | Engine | Looked | Trouble


class Locator(Protocol):
    """Finds what belongs to a trace, for as long as someone watches."""

    @property
    def name(self) -> str: ...

    def watch(self, scope: Scope) -> AsyncGenerator[Finding, None]:
        """Findings until closed (`aclose`). It survives its system's failures by itself: it backs off,
        tells of `Trouble` once per outage, and goes on without losing or inventing anything."""
        ...


@dataclass(frozen=True, slots=True)
class Tenant:
    """Where a tenant's things are. Nothing outside of these namespaces is ever read for its viewers.

    Args:
        argo_namespaces: where its Argo workflows run.
        worker_namespaces: where pods of its Temporal workers run.
        worker_selector: Kubernetes label selector of its worker pods; empty for none: then only pods that
            Temporal itself names as workers of the trace's runs are read.
    """

    name: str
    argo_namespaces: tuple[str, ...] = ()
    worker_namespaces: tuple[str, ...] = ()
    worker_selector: str = ""


@dataclass(frozen=True, slots=True)
class WorkflowRef:
    """An Argo workflow by namespace and name."""

    namespace: str
    name: str


@dataclass(slots=True)
class Scope:
    """What is known of one trace; locators learn from it, add to it, and wait for what others add.

    Args:
        tenant: whose trace it is.
        trace_id: exact; see `crossover.contract.run.valid_trace_id`.
        since: seconds since the epoch before which no line is wanted, or None.
        workflows: Argo workflows of the trace. It begins with the trace id taken as a workflow's name, in
            each of the tenant's namespaces; runs that were started with a trace id of its own add theirs.
        identities: Temporal worker identities (`pid@host`, often with more) of the trace's runs.
        token: the newest viewer's bearer token, for systems that are asked in the viewer's name.
        version: counts the additions.
    """

    tenant: Tenant
    trace_id: str
    since: float | None = None
    workflows: set[WorkflowRef] = field(default_factory=set)
    identities: set[str] = field(default_factory=set)
    token: str | None = None
    version: int = 0
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.workflows |= {WorkflowRef(space, self.trace_id) for space in self.tenant.argo_namespaces}

    def add_workflow(self, workflow: WorkflowRef) -> None:
        """Ignored when it is outside of the tenant's namespaces."""
        if workflow.namespace in self.tenant.argo_namespaces and workflow not in self.workflows:
            self.workflows.add(workflow)
            self._tell()

    def add_identities(self, identities: set[str]) -> None:
        if not identities <= self.identities:
            self.identities |= identities
            self._tell()

    async def changed(self, seen: int) -> int:
        """The version, once it is no longer `seen`."""
        while self.version == seen:
            await self._changed.wait()
        return self.version

    def _tell(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()
