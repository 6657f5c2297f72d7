"""What the contract suite needs of a system with logs, so that one suite runs against every kind of it.

For each kind there is a test file in this folder with a class that has a `backend` fixture:

    class TestPodLogs(LogSourceContract):
        @pytest.fixture
        async def backend(self) -> AsyncGenerator[Backend, None]: ...

    class TestPodLocator(LocatorContract):
        @pytest.fixture
        async def backend(self) -> AsyncGenerator[LocatorBackend, None]: ...

A real cluster is one more such class: a Backend whose `create` makes a pod that writes what it is told
(a shell that reads from a ConfigMap, or `kubectl attach`), for the kubeconfig that CROSSOVER_TEST_KUBECONFIG
names. It has no `Can.CUT`, `Can.OVERLOAD`, `Can.DENY`; the suite leaves those tests out.
"""

from __future__ import annotations

from collections.abc import Set
from enum import StrEnum
from typing import Protocol

from log_streamer.model import Container
from log_streamer.sources.source import Locator, LogSource, Scope


class Can(StrEnum):
    """What a system can be made to do. A test that needs what the system cannot do is skipped."""

    WAIT = "have a container that has not started"
    END = "tell that a container has ended"
    CUT = "cut follows in silence, while the container runs on"
    TEAR = "cut a connection in the middle of a line"
    ROTATE = "begin a new log in the place of the old one"
    REMOVE = "lose a log for good"
    OVERLOAD = "ask its callers to slow down"
    BREAK = "answer that it has failed"
    DENY = "refuse a caller without rights"
    ANY_BYTES = "keep any bytes of a line: invalid UTF-8, NUL, carriage returns"
    LONG_LINES = "keep a line of one megabyte"
    COUNT = "tell how many logs are being read"


class Backend(Protocol):
    """One system, started for a test. Containers live until the fixture ends."""

    @property
    def can(self) -> Set[Can]: ...

    @property
    def source(self) -> LogSource:
        """What is tested."""
        ...

    async def create(self, name: str, *, started: bool = True) -> Container:
        """A running container with an empty log, or one that waits to start (`Can.WAIT`)."""
        ...

    async def start(self, container: Container) -> None:
        """Starts one that waited."""
        ...

    async def write(self, container: Container, *texts: bytes) -> None:
        """Appends a line for each text, stamped with the present time by the system.

        A reader that opens the log afterwards sees them. No text holds a newline.
        """
        ...

    async def end(self, container: Container) -> None:
        """The container ends; its log stays readable."""
        ...

    async def cut(self, container: Container) -> None:
        """All present follows end as if the log had ended (`Can.CUT`)."""
        ...

    async def tear(self, container: Container, text: bytes) -> None:
        """Writes a line, and cuts each present follow in the middle of sending it (`Can.TEAR`)."""
        ...

    async def rotate(self, container: Container) -> None:
        """Later lines go into a new log; what the old one held cannot be read any more (`Can.ROTATE`)."""
        ...

    async def remove(self, container: Container) -> None:
        """The container and its log are no more (`Can.REMOVE`)."""
        ...

    async def overload(self, retry_after: float) -> None:
        """The next request is answered with: come again in so many whole seconds (`Can.OVERLOAD`)."""
        ...

    async def fail(self) -> None:
        """The next request fails, at no fault of the caller (`Can.BREAK`)."""
        ...

    async def deny(self) -> None:
        """From now on the caller has no rights (`Can.DENY`)."""
        ...

    async def open_reads(self) -> int:
        """Logs that are being read right now, as the system sees it (`Can.COUNT`)."""
        ...


class LocatorBackend(Protocol):
    """One system in which containers of a trace turn up."""

    @property
    def locator(self) -> Locator:
        """What is tested."""
        ...

    @property
    def can_fail(self) -> bool:
        """Whether `outage` works: a folder on a disk has none."""
        ...

    def scope(self, trace_id: str) -> Scope:
        """Of the tenant in whose places `start` makes containers."""
        ...

    async def start(self, trace_id: str, name: str) -> None:
        """A container called `name` (`Container.name`, or its pod's) that belongs to the trace alone."""
        ...

    async def start_elsewhere(self, trace_id: str, name: str) -> None:
        """The same, but outside of what the scope's tenant may see."""
        ...

    async def outage(self) -> None:
        """The system does not answer any more, and what is open breaks."""
        ...

    async def recover(self) -> None:
        """It answers again."""
        ...
