"""A pod-log server, and a client of ours for it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from crossover.kubernetes.access import from_url
from log_streamer.sources.kubernetes.client import KubernetesClient, Limits
from testbed.pod_logs import PodLogServer

PATIENT = Limits(connect=30, answer=30)
"""Longer than a machine stands still, and shorter than a test's patience."""

BRIEF = Limits(connect=3, answer=3)
"""For a server that answers nothing."""


@asynccontextmanager
async def cluster(
    token_file: Path | None = None, limits: Limits = PATIENT
) -> AsyncGenerator[tuple[PodLogServer, KubernetesClient], None]:
    async with PodLogServer.started() as server:
        client = KubernetesClient(from_url(server.url, token_file), limits)
        try:
            yield server, client
        finally:
            await client.close()


def argo_pod(workflow: str, node: str = "extract", **spec: Any) -> dict[str, Any]:
    """How Argo marks a step's pod."""
    given: dict[str, Any] = {
        "namespace": "argo",
        "labels": {"workflows.argoproj.io/workflow": workflow, "workflows.argoproj.io/completed": "false"},
        "annotations": {
            "workflows.argoproj.io/node-id": f"{workflow}-{node}-id",
            "workflows.argoproj.io/node-name": f"{workflow}.{node}",
        },
    }
    return given | spec
