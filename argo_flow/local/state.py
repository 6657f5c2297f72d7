"""The state of one workflow that runs here: its nodes, its files, and who is told of changes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from argo_flow.graph.bundle import Bundle, Document
from argo_flow.graph.phases import NodePhase
from argo_flow.local.clock import rfc3339
from argo_flow.local.events import Event, NodeFinished, NodeProgress, NodeStarted
from argo_flow.local.nodes import NodeStatus
from argo_flow.local.stop import Stop
from crossover.contract.argo import node_id

ANNOTATION = "crossover/local-runner"
NOT_ARGO = "run by Crossover's local runner, which is not Argo"


@dataclass(slots=True)
class Run:
    """One workflow that runs here; `directory` holds its `workflow.json`, its logs and its sandboxes."""

    bundle: Bundle
    document: Document
    entrypoint: str
    name: str
    namespace: str
    uid: str
    parameters: Mapping[str, str]
    directory: Path
    environment: Mapping[str, str]
    overrides: Mapping[str, str]
    trace: str
    on_event: Callable[[Event], None]
    stop: Stop = field(default_factory=Stop)
    deadline: float | None = None
    started_at: float = field(default_factory=time.time)
    finished_at: float | None = None
    phase: NodePhase = NodePhase.RUNNING
    message: str = ""
    nodes: dict[str, NodeStatus] = field(default_factory=dict)

    @property
    def stopped(self) -> bool:
        return self.stop.requested.is_set()

    def start(self, node: NodeStatus) -> NodeStatus:
        """Add a node that now runs."""
        node.phase = NodePhase.RUNNING
        self._add(node)
        self.save()
        self.on_event(NodeStarted(node))
        return node

    def finish(self, node: NodeStatus, phase: NodePhase, message: str = "") -> NodeStatus:
        """End a node, which may be one that never ran."""
        self._add(node)
        node.phase, node.message, node.finished_at = phase, message, time.time()
        if phase is NodePhase.SUCCEEDED and node.progress == "0/1":
            node.progress = "1/1"
        self.save()
        self.on_event(NodeFinished(node))
        return node

    def progress(self, node: NodeStatus, progress: str) -> None:
        if progress != node.progress:
            node.progress = progress
            self.save()
            self.on_event(NodeProgress(node))

    def new_node(
        self, name: str, display_name: str, template: str, kind: str, boundary: str, parent: str
    ) -> NodeStatus:
        return NodeStatus(
            id=node_id(self.name, name),
            name=name,
            display_name=display_name,
            template_name=template,
            type=kind,
            boundary_id=boundary,
            parent_id=parent,
        )

    def _add(self, node: NodeStatus) -> None:
        if node.id not in self.nodes and node.parent_id in self.nodes:
            self.nodes[node.parent_id].children.append(node.id)
        self.nodes[node.id] = node

    def log_path(self, node: NodeStatus) -> Path:
        return self.directory / "logs" / f"{node.id}.log"

    def save(self) -> None:
        """Replace `workflow.json` as a whole: a reader never sees half of it."""
        target = self.directory / "workflow.json"
        draft = target.with_suffix(".json.new")
        draft.write_text(json.dumps(self.to_json(), indent=1))
        draft.replace(target)

    def to_json(self) -> dict[str, Any]:
        """The workflow as Argo's API would show it, as far as this runner knows it."""
        spec: dict[str, Any] = {
            "entrypoint": self.entrypoint,
            "arguments": {"parameters": [{"name": n, "value": v} for n, v in self.parameters.items()]},
        }
        if self.stopped:
            spec["shutdown"] = "Stop"
        done = "true" if self.phase.fulfilled else "false"
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "uid": self.uid,
                "creationTimestamp": rfc3339(self.started_at),
                "annotations": {**self.document.annotations, ANNOTATION: NOT_ARGO},
                "labels": {
                    **self.document.labels,
                    "workflows.argoproj.io/completed": done,
                    "workflows.argoproj.io/phase": self.phase.value,
                },
            },
            "spec": spec,
            "status": {
                "phase": self.phase.value,
                "message": self.message,
                "startedAt": rfc3339(self.started_at),
                "finishedAt": rfc3339(self.finished_at) if self.finished_at is not None else None,
                "nodes": {key: node.to_json() for key, node in self.nodes.items()},
            },
        }
