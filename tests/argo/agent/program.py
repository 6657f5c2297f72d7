"""An agent whose registry knows the namespaces of tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from testbed.agent import AgentService

NAMESPACES = "test-*"
QUEUE = "work"


class AgentProgram(AgentService):
    """One replica."""

    def __init__(self, temporal: str, kubeconfig: Path, folder: Path, **settings: Any) -> None:
        given = {"registry_file": _registry(folder), "temporal_ui_url": "http://temporal.test", **settings}
        super().__init__(temporal, kubeconfig, folder / "agent.log", **given)


def _registry(folder: Path) -> Path:
    """One tenant for all namespaces of tests."""
    file = folder / "registry.yaml"
    app = {"workflow_type": "Echo", "task_queue": QUEUE}
    tenant = {"argo_namespaces": [NAMESPACES], "workflow_types": ["*"], "task_queues": [QUEUE]}
    file.write_text(yaml.safe_dump({"apps": {"echo": app}, "tenants": {"acme": tenant}}))
    return file
