"""The local runner's directory, and log files of processes, as systems for the contract."""

from __future__ import annotations

import json
from collections.abc import Set
from pathlib import Path
from typing import Any

from log_streamer.model import Container
from log_streamer.sources.local.processes import ProcessLogs, container_of
from log_streamer.sources.local.runner import RunDirectory, RunnerLocator, RunnerLogs
from log_streamer.sources.local.runner import container_of as step_of
from log_streamer.sources.pods import step_containers
from log_streamer.sources.source import Locator, LogSource, Scope, Tenant
from tests.log_streamer.argo_server_program import pod_node, workflow
from tests.log_streamer.contract.backend import Can
from tests.log_streamer.docker_server import now

_PART = 16 * 1024


def save(directory: Path, made: dict[str, Any]) -> None:
    """As the runner does: the file is replaced as a whole."""
    folder = directory / made["metadata"]["name"]
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    draft = folder / "workflow.json.new"
    draft.write_text(json.dumps(made))
    draft.replace(folder / "workflow.json")


def cri_lines(*texts: bytes) -> bytes:
    """As the runner, and containerd, write them."""
    written = b""
    for text in texts:
        parts = [text[at : at + _PART] for at in range(0, len(text), _PART)] or [b""]
        stamp = now().encode()
        written += b"".join(b"%s stdout P %s\n" % (stamp, part) for part in parts[:-1])
        written += b"%s stdout F %s\n" % (stamp, parts[-1])
    return written


def rotate(path: Path) -> None:
    """The old file is gone for good; who has it open reads it to its end."""
    old = path.with_name(f"{path.name}.1")
    path.rename(old)
    path.touch()
    old.unlink()


class _FilesBackend:
    """What files cannot do: fail, refuse, or tell who reads them."""

    def __init__(self, directory: Path) -> None:
        self._path = directory

    async def start(self, container: Container) -> None:
        raise NotImplementedError

    async def cut(self, container: Container) -> None:
        raise NotImplementedError

    async def tear(self, container: Container, text: bytes) -> None:
        raise NotImplementedError

    async def overload(self, retry_after: float) -> None:
        raise NotImplementedError

    async def fail(self) -> None:
        raise NotImplementedError

    async def deny(self) -> None:
        raise NotImplementedError

    async def open_reads(self) -> int:
        """Descriptors of this process that are files of the folder."""
        links = Path("/proc/self/fd").iterdir()
        return sum(1 for link in links if link.is_symlink() and str(self._path) in str(link.readlink()))


class RunnerBackend(_FilesBackend):
    """Each container is the only node of a workflow of its own."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._source = RunnerLogs(RunDirectory(directory))

    @property
    def can(self) -> Set[Can]:
        return {Can.WAIT, Can.END, Can.ROTATE, Can.REMOVE, Can.ANY_BYTES, Can.LONG_LINES, Can.COUNT}

    @property
    def source(self) -> LogSource:
        return self._source

    async def create(self, name: str, *, started: bool = True) -> Container:
        made = workflow(name, pod_node(f"{name}-node", "Running" if started else "Pending"))
        save(self._path, made)
        container = step_of(name, next(iter(step_containers(made))))
        if started:
            self._log(container).touch()
        return container

    async def start(self, container: Container) -> None:
        self._phase(container, "Running")
        self._log(container).touch()

    async def write(self, container: Container, *texts: bytes) -> None:
        with self._log(container).open("ab") as log:
            log.write(cri_lines(*texts))

    async def end(self, container: Container) -> None:
        self._phase(container, "Succeeded")

    async def rotate(self, container: Container) -> None:
        rotate(self._log(container))

    async def remove(self, container: Container) -> None:
        self._log(container).unlink()
        (self._path / self._workflow(container) / "workflow.json").unlink()

    def _phase(self, container: Container, phase: str) -> None:
        name = self._workflow(container)
        made = workflow(name, pod_node(f"{name}-node", phase))
        save(self._path, made)

    def _workflow(self, container: Container) -> str:
        return container.key.removeprefix("runner:").split("/")[0]

    def _log(self, container: Container) -> Path:
        name = self._workflow(container)
        return self._path / name / "logs" / f"{name}-node.log"


class ProcessBackend(_FilesBackend):
    """A log file for each container, whose lines begin with a timestamp."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._source = ProcessLogs()

    @property
    def can(self) -> Set[Can]:
        return {Can.ROTATE, Can.REMOVE, Can.ANY_BYTES, Can.LONG_LINES, Can.COUNT}

    @property
    def source(self) -> LogSource:
        return self._source

    async def create(self, name: str, *, started: bool = True) -> Container:
        path = self._path / f"{name}.log"
        path.touch()
        return container_of(path)

    async def write(self, container: Container, *texts: bytes) -> None:
        with (self._path / f"{container.pod}.log").open("ab") as log:
            log.write(b"".join(b"%s %s\n" % (now().encode(), text) for text in texts))

    async def end(self, container: Container) -> None:
        raise NotImplementedError

    async def rotate(self, container: Container) -> None:
        rotate(self._path / f"{container.pod}.log")

    async def remove(self, container: Container) -> None:
        (self._path / f"{container.pod}.log").unlink()


class RunnerLocatorBackend:
    """Nodes of the trace's workflow."""

    can_fail = False

    def __init__(self, directory: Path) -> None:
        self._path = directory
        self._made: dict[tuple[str, str], dict[str, Any]] = {}
        self._locator = RunnerLocator(directory)

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
        raise NotImplementedError

    async def recover(self) -> None:
        raise NotImplementedError

    def _add(self, namespace: str, trace_id: str, name: str) -> None:
        made = self._made.setdefault((namespace, trace_id), workflow(trace_id, namespace=namespace))
        made["status"]["nodes"][name] = pod_node(name)
        save(self._path, made)
