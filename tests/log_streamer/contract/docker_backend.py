"""The container engine program as a system for the contract."""

from __future__ import annotations

from collections.abc import Set

from fastapi.responses import JSONResponse

from log_streamer.model import Container, SourceName
from log_streamer.sources.docker.containers import DockerLocator
from log_streamer.sources.docker.engine import Engine
from log_streamer.sources.docker.logs import DockerLogs, life_key
from log_streamer.sources.source import Locator, LogSource, Scope, Tenant
from tests.log_streamer.contract.backend import Can
from tests.log_streamer.docker_server import DockerProgram, FakeContainer


class DockerBackend:
    """Containers without a terminal, unless told otherwise."""

    def __init__(self, program: DockerProgram, engine: Engine, *, tty: bool = False) -> None:
        self._program = program
        self._source = DockerLogs(engine)
        self._tty = tty

    @property
    def can(self) -> Set[Can]:
        """Frames come whole or not at all; a container is found once it has been started. A terminal
        translates line ends, so it does not keep any bytes."""
        able = {Can.END, Can.CUT, Can.REMOVE, Can.OVERLOAD, Can.BREAK, Can.LONG_LINES, Can.COUNT}
        return able if self._tty else able | {Can.ANY_BYTES}

    @property
    def source(self) -> LogSource:
        return self._source

    async def create(self, name: str, *, started: bool = True) -> Container:
        made = self._program.create(name, tty=self._tty)
        made.start()
        key = life_key(made.id, made.started_at, None)
        return Container(key, SourceName.LOCAL, name, "main", tagged=True)

    async def start(self, container: Container) -> None:
        raise NotImplementedError

    async def write(self, container: Container, *texts: bytes) -> None:
        self._of(container).write(*texts)

    async def end(self, container: Container) -> None:
        self._of(container).stop()

    async def cut(self, container: Container) -> None:
        self._of(container).cuts += 1

    async def tear(self, container: Container, text: bytes) -> None:
        raise NotImplementedError

    async def rotate(self, container: Container) -> None:
        raise NotImplementedError

    async def remove(self, container: Container) -> None:
        del self._program.containers[self._of(container).id]

    async def overload(self, retry_after: float) -> None:
        headers = {"Retry-After": str(int(retry_after))}
        self._program.answers.append(JSONResponse({"message": "slow down"}, 429, headers))

    async def fail(self) -> None:
        self._program.answers.append(JSONResponse({"message": "internal"}, 500))

    async def deny(self) -> None:
        raise NotImplementedError

    async def open_reads(self) -> int:
        return self._program.reading

    def _of(self, container: Container) -> FakeContainer:
        found = [one for one in self._program.containers.values() if one.name == container.pod]
        return found[-1]


class DockerLocatorBackend:
    """Containers with the trace's labels."""

    can_fail = True

    def __init__(self, program: DockerProgram, engine: Engine) -> None:
        self._program = program
        self._locator = DockerLocator(engine)

    @property
    def locator(self) -> Locator:
        return self._locator

    def scope(self, trace_id: str) -> Scope:
        return Scope(Tenant("default", ("argo",)), trace_id)

    async def start(self, trace_id: str, name: str) -> None:
        self._add("argo", trace_id, name)

    async def start_elsewhere(self, trace_id: str, name: str) -> None:
        self._add("other", trace_id, name)

    async def outage(self) -> None:
        await self._program.stop()

    async def recover(self) -> None:
        await self._program.start()

    def _add(self, namespace: str, trace_id: str, name: str) -> None:
        labels = {"crossover.workflow": trace_id, "crossover.namespace": namespace}
        self._program.create(name, labels).start()
