"""What happens while a workflow runs, as typed events for whoever shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from argo_flow.graph.phases import NodePhase
from argo_flow.local.nodes import NodeStatus

StreamName: TypeAlias = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True)
class NodeStarted:
    node: NodeStatus


@dataclass(frozen=True, slots=True)
class NodeLine:
    """One line of a node's output, without its end; bytes that are no UTF-8 are replaced."""

    node: NodeStatus
    stream: StreamName
    text: str


@dataclass(frozen=True, slots=True)
class NodeProgress:
    """`node.progress` changed to `N/M`."""

    node: NodeStatus


@dataclass(frozen=True, slots=True)
class NodeFinished:
    """Also of nodes that never started: skipped, omitted, or in error before their process."""

    node: NodeStatus


@dataclass(frozen=True, slots=True)
class WorkflowFinished:
    name: str
    phase: NodePhase
    message: str


Event: TypeAlias = NodeStarted | NodeLine | NodeProgress | NodeFinished | WorkflowFinished
