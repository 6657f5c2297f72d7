"""The Argo Server program as a system for the contract."""

from __future__ import annotations

from collections.abc import Set

from fastapi.responses import JSONResponse

from log_streamer.model import Container
from log_streamer.sources.argo_server.client import ArgoServer
from log_streamer.sources.argo_server.keys import Place, live_container
from log_streamer.sources.argo_server.logs import ServerLogs
from log_streamer.sources.argo_server.workflows import ServerWorkflowLocator
from log_streamer.sources.pods import step_containers
from log_streamer.sources.source import Locator, LogSource, Scope, Tenant, WorkflowRef
from tests.log_streamer.argo_server_program import ArgoServerProgram, pod_node, workflow
from tests.log_streamer.contract.backend import Can


class ArgoServerBackend:
    """Each container is the only node of a workflow of its own."""

    def __init__(self, program: ArgoServerProgram, server: ArgoServer) -> None:
        self._program = program
        self._source = ServerLogs(server)

    @property
    def can(self) -> Set[Can]:
        """Its JSON cannot carry any bytes, and a line comes whole or not at all."""
        return {
            Can.WAIT,
            Can.END,
            Can.CUT,
            Can.REMOVE,
            Can.OVERLOAD,
            Can.BREAK,
            Can.DENY,
            Can.LONG_LINES,
            Can.COUNT,
        }

    @property
    def source(self) -> LogSource:
        return self._source

    async def create(self, name: str, *, started: bool = True) -> Container:
        made = workflow(name, pod_node(f"{name}-pod", "Running" if started else "Pending"))
        self._program.put(made)
        step = next(iter(step_containers(made)))
        uid = made["metadata"]["uid"]
        place = Place(WorkflowRef("argo", name), uid, step.node.id, step.name, step.started_at)
        return live_container(place, step)

    async def start(self, container: Container) -> None:
        self._phase(container, "Running", over=False)

    async def write(self, container: Container, *texts: bytes) -> None:
        self._program.write(container.pod, *texts)

    async def end(self, container: Container) -> None:
        self._phase(container, "Succeeded", over=True)

    async def cut(self, container: Container) -> None:
        self._program.cut(container.pod)

    async def tear(self, container: Container, text: bytes) -> None:
        raise NotImplementedError

    async def rotate(self, container: Container) -> None:
        raise NotImplementedError

    async def remove(self, container: Container) -> None:
        self._program.delete("argo", Place.of(container).ref.name)

    async def overload(self, retry_after: float) -> None:
        headers = {"Retry-After": str(int(retry_after))}
        self._program.answers.append(JSONResponse({"message": "slow down"}, 429, headers))

    async def fail(self) -> None:
        self._program.answers.append(JSONResponse({"code": 13, "message": "internal"}, 500))

    async def deny(self) -> None:
        self._program.denied = True

    async def open_reads(self) -> int:
        return self._program.reading

    def _phase(self, container: Container, phase: str, *, over: bool) -> None:
        made = self._program.workflows["argo", Place.of(container).ref.name]
        made["status"]["nodes"][Place.of(container).node]["phase"] = phase
        if over:
            made["status"]["phase"] = phase
        self._program.put(made)


class ArgoServerLocatorBackend:
    """Nodes of the trace's workflow."""

    can_fail = True

    def __init__(self, program: ArgoServerProgram, server: ArgoServer) -> None:
        self._program = program
        self._locator = ServerWorkflowLocator(server)

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
        made = self._program.workflows.get((namespace, trace_id)) or workflow(trace_id, namespace=namespace)
        made["status"]["nodes"][name] = pod_node(name)
        self._program.put(made)
