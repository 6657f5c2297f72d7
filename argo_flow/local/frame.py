"""A template that is about to be executed as a node."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from argo_flow.graph.bundle import Document
from argo_flow.graph.phases import NodePhase
from argo_flow.graph.templates import Template
from argo_flow.local.nodes import NodeStatus
from argo_flow.local.state import Run


@dataclass(frozen=True, slots=True)
class Frame:
    """Where and as what a template runs.

    `document` is the one in which the template's own names resolve; `role` is `steps`, `tasks` or empty for
    the entrypoint; `boundary` and `parent` are ids of nodes, as in Argo's status.
    """

    document: Document
    template: Template
    name: str
    display_name: str
    role: str = ""
    boundary: str = ""
    parent: str = ""
    depth: int = 0

    def node(self, run: Run, kind: str) -> NodeStatus:
        return run.new_node(
            self.name, self.display_name, self.template.name, kind, self.boundary, self.parent
        )

    def fail(self, run: Run, message: str) -> NodeStatus:
        """End the frame's node in Error, whether or not it was started."""
        node = self.node(run, "Skipped")
        return run.finish(run.nodes.get(node.id, node), NodePhase.ERROR, message)


Execute: TypeAlias = Callable[[Frame, Mapping[str, str]], Awaitable[NodeStatus]]
"""Executes a frame's template with the values of its arguments."""
