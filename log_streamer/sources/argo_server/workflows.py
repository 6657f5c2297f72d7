"""Finds a trace's workflows at the Argo Server: their states, and the logs that it has of their pods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

from crossover.contract.argo import FULFILLED
from log_streamer.sources.argo_server.archive import ArchivedLogs, log_artifact
from log_streamer.sources.argo_server.client import ArgoServer
from log_streamer.sources.argo_server.keys import Place, archived_container, live_container
from log_streamer.sources.argo_server.logs import ServerLogs
from log_streamer.sources.gathering import Gathering
from log_streamer.sources.outage import Outage
from log_streamer.sources.pods import StepContainer, step_containers
from log_streamer.sources.source import (
    Finding,
    Found,
    Gone,
    LogSource,
    Looked,
    Scope,
    SourceError,
    WorkflowRef,
)
from log_streamer.sources.workflow_states import WorkflowStates

PodExists = Callable[[str, str], Awaitable[bool]]
"""Whether the pod of a namespace and a name is still there, to be read by other means."""

RETRY_PAUSE = 1.0
"""Seconds before a watch that has ended is opened again."""

_ARCHIVING = "workflows.argoproj.io/workflow-archiving-status"


class ServerWorkflowLocator:
    """Watches each workflow of the trace.

    Args:
        pod_exists: where pods are read from Kubernetes: asked before an archived log is offered in the
            place of a pod's. None: the pods' logs are read from the Argo Server, too.
    """

    def __init__(
        self,
        server: ArgoServer,
        *,
        pod_exists: PodExists | None = None,
        logs: LogSource | None = None,
        name: str = "argo-server",
    ) -> None:
        self._server = server
        self._pod_exists = pod_exists
        self._logs = logs or ServerLogs(server)
        self._archive = ArchivedLogs(server)
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def watch(self, scope: Scope) -> AsyncGenerator[Finding, None]:
        watch = _Watch(self.name, scope, self._server, self._containers)
        watch.gathering.start(watch.run())
        async with aclosing(watch.gathering.findings()) as findings:
            async for finding in findings:
                yield finding

    async def _containers(
        self, ref: WorkflowRef, workflow: Mapping[str, Any], known: set[str]
    ) -> list[Found]:
        """Containers that are to be read; nodes in `known` were offered before."""
        found = []
        for step in step_containers(workflow):
            mark = f"{step.node.id}@{step.started_at}"
            if mark not in known and (one := await self._container(ref, workflow, step)):
                known.add(mark)
                found.append(one)
        return found

    async def _container(
        self, ref: WorkflowRef, workflow: Mapping[str, Any], step: StepContainer
    ) -> Found | None:
        metadata = workflow["metadata"]
        archived = (metadata.get("labels") or {}).get(_ARCHIVING) == "Persisted"
        place = Place(ref, metadata.get("uid", ""), step.node.id, step.name, step.started_at, archived)
        kept = step.phase in FULFILLED and log_artifact(step.name) in step.artifacts
        if kept and not await self._exists(ref, step):
            return Found(archived_container(place, step), self._archive)
        if self._pod_exists is not None or step.phase == "Pending" or archived:
            return None
        return Found(live_container(place, step), self._logs)

    async def _exists(self, ref: WorkflowRef, step: StepContainer) -> bool:
        if self._pod_exists is not None:
            return await self._pod_exists(ref.namespace, step.pod)
        try:
            async with self._server.log(ref, step.pod, step.name, tail=1) as entries:
                async for _ in entries:
                    return True
        except Gone:
            return False
        return False


_Containers = Callable[[WorkflowRef, Mapping[str, Any], set[str]], Awaitable[list[Found]]]


class _Watch:
    """One watch of one trace: a task for each of its workflows."""

    def __init__(self, name: str, scope: Scope, server: ArgoServer, containers: _Containers) -> None:
        self.gathering = Gathering()
        self._name = name
        self._scope = scope
        self._server = server
        self._containers = containers
        self._states = WorkflowStates(name)
        self._outage = Outage(name)
        self._looking: set[WorkflowRef] = set()
        self._looked = asyncio.Event()
        self._known: set[WorkflowRef] = set()
        self._offered: dict[str, set[str]] = {}

    async def run(self) -> None:
        """Starts the tasks of workflows that are there and of those that are added."""
        begun: set[WorkflowRef] = set()
        told = False
        while True:
            seen = self._scope.version
            for ref in self._scope.workflows - begun:
                begun.add(ref)
                self._looking.add(ref)
                self.gathering.start(self._follow(ref))
            if not told:
                told = True
                self.gathering.start(self._tell_of_first_look())
            await self._scope.changed(seen)

    async def _tell_of_first_look(self) -> None:
        while self._looking:
            self._looked.clear()
            await self._looked.wait()
        await self.gathering.put(self._states.engine, Looked(self._name, known=bool(self._known)))

    async def _follow(self, ref: WorkflowRef) -> None:
        while True:
            try:
                await self._look(ref)
                await self._watch(ref)
                await asyncio.sleep(RETRY_PAUSE)
            except SourceError as error:
                await self.gathering.put(self._outage.begins(error))
                await self._outage.wait(error)

    async def _look(self, ref: WorkflowRef) -> None:
        """The object as it is now: the only way to learn that it is gone, or in the archive."""
        try:
            await self._take(ref, await self._server.workflow(ref))
        except Gone:
            if ref in self._known:
                self._known.discard(ref)
                await self.gathering.put(*self._states.gone(ref.namespace, ref.name))
        self._looking.discard(ref)
        self._looked.set()
        if self._outage.over() and not self._looking:
            await self.gathering.put(Looked(self._name, known=bool(self._known)))

    async def _watch(self, ref: WorkflowRef) -> None:
        async with self._server.events(ref) as events:
            async for event in _single(events):
                workflow = event.get("object") or {}
                if (workflow.get("metadata") or {}).get("name") != ref.name:
                    continue
                if event.get("type") == "DELETED":
                    return
                await self._take(ref, workflow)

    async def _take(self, ref: WorkflowRef, workflow: Mapping[str, Any]) -> None:
        self._known.add(ref)
        offered = self._offered.setdefault(workflow["metadata"].get("uid", ""), set())
        found = await self._containers(ref, workflow, offered)
        await self.gathering.put(*found, *self._states.take(workflow))


async def _single(events: AsyncIterator[list[dict[str, Any]]]) -> AsyncGenerator[dict[str, Any], None]:
    async for some in events:
        for event in some:
            yield event
