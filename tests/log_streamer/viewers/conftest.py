"""A workflow of one pod on a pod-log server, and the service over it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from testbed.pod_logs import PodLogServer
from testbed.servers import LogStreamer

NAMESPACE = "argo"


@dataclass
class Watched:
    """One workflow `name`; its pod's name is the same."""

    server: PodLogServer
    service: LogStreamer
    name: str = "wf-1"

    async def write(self, *lines: str) -> None:
        await self.server.append(self.name, [line.encode() for line in lines], namespace=NAMESPACE)

    async def over(self, phase: str) -> None:
        await self.server.end(self.name, namespace=NAMESPACE)
        await self.server.workflow(workflow(self.name, phase))


def workflow(name: str, phase: str) -> dict[str, Any]:
    status = {"phase": phase, "startedAt": "2026-01-01T00:00:00Z", "nodes": {}}
    return {"metadata": {"name": name, "namespace": NAMESPACE, "uid": f"uid-{name}"}, "status": status}


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncGenerator[Watched, None]:
    async with PodLogServer.started() as server:
        await server.workflow(workflow("wf-1", "Running"))
        labels = {"workflows.argoproj.io/workflow": "wf-1"}
        await server.pod("wf-1", namespace=NAMESPACE, labels=labels)
        async with LogStreamer(tmp_path / "service.log", kubernetes=server.url, drain=0.2) as service:
            yield Watched(server, service)
