"""Finds a trace's containers on a Docker or Podman host, by their labels."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Any

from log_streamer.lines.stamps import nanos_of, split_stamp
from log_streamer.model import Container, Node, SourceName
from log_streamer.sources import source
from log_streamer.sources.docker.engine import Engine
from log_streamer.sources.docker.logs import DockerLogs, life_key
from log_streamer.sources.outage import Outage
from log_streamer.sources.source import Finding, Found, Gone, Looked, Scope, SourceError, WorkflowRef

LOOK_EVERY = 1.0
"""Seconds between looks, which all watches of one trace share."""


@dataclass(frozen=True, slots=True)
class Labels:
    """Keys of the labels that containers are told apart by.

    Args:
        workflow: of a step's container: the workflow's name; `namespace` is required beside it.
        node_id, node_name: of a step's container: its Argo node, where there is one.
        worker: of a worker's container: the tenant whose traces it serves.
    """

    workflow: str = "crossover.workflow"
    namespace: str = "crossover.namespace"
    node_id: str = "crossover.node-id"
    node_name: str = "crossover.node"
    worker: str = "crossover.worker"


class DockerLocator:
    """Polls, as an event that was missed while the engine restarted would be missed for good."""

    def __init__(self, engine: Engine, labels: Labels | None = None, *, name: str = "docker") -> None:
        self._engine = engine
        self._labels = labels or Labels()
        self._source = DockerLogs(engine)
        self._looks: dict[str, tuple[float, asyncio.Task[list[dict[str, Any]]]]] = {}
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def watch(self, scope: Scope) -> AsyncGenerator[Finding, None]:
        outage = Outage(self.name)
        lives: dict[str, str] = {}
        first = True
        while True:
            try:
                found = await self._look(scope)
            except SourceError as error:
                if trouble := outage.begins(error):
                    yield trouble
                await outage.wait(error)
                continue
            was_away = outage.over()
            for container in found:
                if new := self._new_life(container, lives):
                    yield Found(new, self._source)
            if first or was_away:
                yield source.Engine(self.name, over=True)
                yield Looked(self.name, known=any(map(self._is_step, found)))
                first = False
            await asyncio.sleep(LOOK_EVERY * random.uniform(0.9, 1.1))

    async def _look(self, scope: Scope) -> list[dict[str, Any]]:
        """Containers of the trace's workflows and of the tenant's workers that were ever started."""
        refs = frozenset(scope.workflows)
        steps = [
            container
            for name in sorted({ref.name for ref in refs})
            for container in await self._with_label(f"{self._labels.workflow}={name}")
            if self._workflow(container) in refs
        ]
        workers = await self._with_label(f"{self._labels.worker}={scope.tenant.name}")
        return [*steps, *(worker for worker in workers if not self._is_step(worker))]

    async def _with_label(self, label: str) -> list[dict[str, Any]]:
        """One look for all that ask within a second."""
        looked_at, task = self._looks.get(label, (float("-inf"), None))
        if task is None or time.monotonic() - looked_at > LOOK_EVERY / 2 or _failed(task):
            task = asyncio.create_task(self._inspected(label))
            task.add_done_callback(_failed)
            self._looks[label] = (time.monotonic(), task)
            self._forget()
        return await asyncio.shield(task)

    async def _inspected(self, label: str) -> list[dict[str, Any]]:
        found = []
        for listed in await self._engine.containers(label):
            try:
                container = await self._engine.inspect(listed["Id"])
            except Gone:
                continue
            if not container["State"]["StartedAt"].startswith("0001-"):
                found.append(container)
        return found

    def _forget(self) -> None:
        old = time.monotonic() - 60
        for label in [label for label, (at, task) in self._looks.items() if at < old and task.done()]:
            del self._looks[label]

    def _new_life(self, container: Mapping[str, Any], lives: dict[str, str]) -> Container | None:
        """The container, unless this life is known. One that had another life before begins after it."""
        id_, state = container["Id"], container["State"]
        known = lives.get(id_)
        if known == state["StartedAt"]:
            return None
        lives[id_] = state["StartedAt"]
        begins = None if known is None else _begins(state)
        return self._container(container, life_key(id_, state["StartedAt"], begins))

    def _container(self, container: Mapping[str, Any], key: str) -> Container:
        labels, name = _labels(container), container["Name"].lstrip("/")
        if not self._is_step(container):
            return Container(key, SourceName.WORKER, name, name, shared=True, tagged=True)
        id_ = labels.get(self._labels.node_id)
        node = Node(id_, labels.get(self._labels.node_name, id_)) if id_ else None
        return Container(key, SourceName.LOCAL, name, "main", node=node, tagged=True)

    def _is_step(self, container: Mapping[str, Any]) -> bool:
        return self._labels.workflow in _labels(container)

    def _workflow(self, container: Mapping[str, Any]) -> WorkflowRef:
        labels = _labels(container)
        return WorkflowRef(labels.get(self._labels.namespace, ""), labels.get(self._labels.workflow, ""))


def _begins(state: Mapping[str, Any]) -> int:
    """When the life before ended, or, once this one has ended too, when this one was started."""
    started, finished = (
        nanos_of(split_stamp(state.get(key, "").encode())[0] or b"") for key in ("StartedAt", "FinishedAt")
    )
    return min(started, finished) if finished else started


def _labels(container: Mapping[str, Any]) -> Mapping[str, str]:
    return container["Config"].get("Labels") or {}


def _failed(task: asyncio.Task[list[dict[str, Any]]]) -> bool:
    """Also marks the failure as seen: whoever waits for the look is told of it."""
    return task.done() and (task.cancelled() or task.exception() is not None)
