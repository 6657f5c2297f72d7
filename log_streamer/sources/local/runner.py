"""Workflows of the local runner: `<directory>/<workflow>/workflow.json` and `logs/<node id>.log` beside it.

The runner replaces `workflow.json` as a whole at each change, so that no reader sees half of it.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from crossover.contract.argo import FULFILLED
from crossover.contract.run import valid_trace_id
from log_streamer.model import Container, SourceName
from log_streamer.sources.local.files import reading
from log_streamer.sources.local.forms import Cri
from log_streamer.sources.pods import StepContainer, step_containers
from log_streamer.sources.source import (
    Finding,
    Found,
    Life,
    Looked,
    NotReady,
    Scope,
    WorkflowRef,
)
from log_streamer.sources.workflow_states import WorkflowStates

LOOK_EVERY = 0.2
"""Seconds between looks at the workflow's file."""


class RunDirectory:
    """The runner's directory; a `workflow.json` is parsed again only when it has been replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read: dict[str, tuple[tuple[int, int], Mapping[str, Any]]] = {}

    def workflow(self, name: str) -> Mapping[str, Any] | None:
        """The Workflow object, None when there is none of that name."""
        if not valid_trace_id(name):
            return None
        file = self._path / name / "workflow.json"
        try:
            status = file.stat()
            mark = (status.st_ino, status.st_mtime_ns)
            known = self._read.get(name)
            if known is None or known[0] != mark:
                known = self._read[name] = (mark, json.loads(file.read_text()))
        except (OSError, ValueError):
            self._read.pop(name, None)
            return None
        return known[1]

    def log(self, workflow: str, node: str) -> Path:
        return self._path / workflow / "logs" / f"{node}.log"


class RunnerLogs:
    """A LogSource of the runner's node logs. They end when their node is fulfilled."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory

    def open(
        self, container: Container, *, since: int | None, follow: bool
    ) -> AbstractAsyncContextManager[AsyncIterator[bytes]]:
        return self._open(container, since, follow)

    @asynccontextmanager
    async def _open(
        self, container: Container, since: int | None, follow: bool
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        log = self._directory.log(*_names(container))
        if not log.exists() and self._life(container) in (Life.WAITING, Life.RUNNING):
            raise NotReady("The step has not written its log yet.")

        def ended() -> bool:
            return self._life(container) in (Life.ENDED, Life.GONE)

        async with reading(log, lambda _: Cri(since), since=since, follow=follow, ended=ended) as lines:
            yield lines

    async def life(self, container: Container) -> Life:
        return self._life(container)

    def _life(self, container: Container) -> Life:
        workflow, node = _names(container)
        found = self._directory.workflow(workflow)
        status = ((found or {}).get("status") or {}).get("nodes", {}).get(node)
        if status is None:
            return Life.GONE
        if status.get("phase") in FULFILLED:
            return Life.ENDED if self._directory.log(workflow, node).exists() else Life.GONE
        return Life.WAITING if status.get("phase") == "Pending" else Life.RUNNING


class RunnerLocator:
    """Finds the trace's workflows among those of a local runner."""

    def __init__(self, path: Path, *, name: str = "runner") -> None:
        self._directory = RunDirectory(path)
        self._source = RunnerLogs(self._directory)
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def watch(self, scope: Scope) -> AsyncGenerator[Finding, None]:
        states = WorkflowStates(self.name)
        seen: dict[WorkflowRef, Mapping[str, Any]] = {}
        first = True
        while True:
            for finding in self._look(scope, states, seen):
                yield finding
            if first:
                yield states.engine
                yield Looked(self.name, known=bool(seen))
                first = False
            await asyncio.sleep(LOOK_EVERY * random.uniform(0.9, 1.1))

    def _look(
        self, scope: Scope, states: WorkflowStates, seen: dict[WorkflowRef, Mapping[str, Any]]
    ) -> list[Finding]:
        findings: list[Finding] = []
        for ref in sorted(scope.workflows, key=lambda ref: (ref.namespace, ref.name)):
            workflow = self._directory.workflow(ref.name)
            if workflow is None and seen.pop(ref, None) is not None:
                findings += states.gone(ref.namespace, ref.name)
            elif workflow is not None and workflow is not seen.get(ref) and _is_in(ref, workflow):
                seen[ref] = workflow
                findings += [*self._containers(ref.name, workflow), *states.take(workflow)]
        return findings

    def _containers(self, name: str, workflow: Mapping[str, Any]) -> list[Finding]:
        return [
            Found(container_of(name, step), self._source)
            for step in step_containers(workflow)
            if step.phase != "Pending"
        ]


def container_of(workflow: str, step: StepContainer) -> Container:
    """A node's log, as a container."""
    key = f"runner:{workflow}/{step.node.id}"
    return Container(key, SourceName.LOCAL, step.pod, step.name, node=step.node, tagged=True)


def _is_in(ref: WorkflowRef, workflow: Mapping[str, Any]) -> bool:
    """The directory may hold workflows of other namespaces, which are other tenants'."""
    return bool(workflow["metadata"].get("namespace") == ref.namespace)


def _names(container: Container) -> tuple[str, str]:
    workflow, _, node = container.key.removeprefix("runner:").partition("/")
    return workflow, node
