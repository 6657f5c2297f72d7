"""What the agent keeps of Argo's objects: TaskSets and Workflows, whoever wrote them.

Anything of a wrong type counts as absent: one odd object must not stop the others.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from crossover.contract.argo import COMPLETED, EXIT_HANDLER, FULFILLED, nodes_of
from crossover.kubernetes.watch import version_of

Template = Mapping[str, Any]
Serves = Callable[[Template], bool]
"""Whether a template is for us."""

_TYPES = frozenset({"Plugin", "HTTP"})
"""Node types whose templates come in TaskSets."""


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Of one workflow, whose name it has.

    Args:
        uid: the Workflow's; empty for a TaskSet without an owner.
        tasks: those for us, by node id.
        done: those of them that have a result in its status.
        version: its resource version.
    """

    namespace: str
    name: str
    uid: str
    tasks: Mapping[str, Template]
    done: frozenset[str]
    version: int


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node as its Workflow shows it. `exits`: it belongs to an exit handler."""

    phase: str
    started_at: str
    exits: bool


@dataclass(frozen=True, slots=True)
class WorkflowState:
    """A Workflow, as far as its tasks depend on it.

    Args:
        over: why nothing of it goes on, or None.
        shutdown: empty, `Stop` or `Terminate`. After a stop, exit handlers still run.
        started_at: when it was started, or last retried (`argo retry`).
        nodes: of the types that come in TaskSets; None where they are not kept in the Workflow.
        version: the resource version as of which this is known.
    """

    uid: str
    over: str | None
    shutdown: str
    started_at: str
    nodes: Mapping[str, NodeState] | None
    version: int = 0

    @property
    def awaits_agent(self) -> bool:
        """Whether some node of it may have to be worked on."""
        return self.nodes is None or any(node.phase not in FULFILLED for node in self.nodes.values())

    def ended(self, node_id: str) -> str | None:
        """Why the node needs its run no longer, or None."""
        if self.over is not None:
            return self.over
        node = (self.nodes or {}).get(node_id)
        if self.shutdown and not (self.shutdown == "Stop" and node is not None and node.exits):
            return f"the Argo workflow was asked to shut down ({self.shutdown})"
        if node is not None and node.phase in FULFILLED:
            return f"Argo has ended the node ({node.phase})"
        return None

    def incarnation(self, node_id: str) -> str | None:
        """When this life of the node began; None while the Workflow does not show the node yet.

        `argo retry` makes nodes of the same id again, later. Where nodes are kept in a database, the
        beginning of the whole workflow stands for that of each: `argo retry` changes both, and nothing else
        does (argo-workflows, workflow/util/util.go, `FormulateRetryWorkflow`).
        """
        if self.nodes is None:
            return self.started_at or None
        node = self.nodes.get(node_id)
        return node.started_at or None if node is not None else None


GONE = WorkflowState("", "the Argo workflow is over or was deleted", "", "", {})
"""What is known of a Workflow that is not among those that go on."""


def gone(version: int) -> WorkflowState:
    """As of a resource version."""
    return replace(GONE, version=version)


def read_task_set(found: Mapping[str, Any], serves: Serves) -> TaskSet:
    metadata, spec, status = (part(found, key) for key in ("metadata", "spec", "status"))
    listed, reported = part(spec, "tasks"), part(status, "nodes")
    tasks = {
        str(node_id): template
        for node_id, template in listed.items()
        if isinstance(template, Mapping) and serves(template)
    }
    done = frozenset(node_id for node_id in tasks if _phase(reported.get(node_id)) in FULFILLED)
    namespace, name = (_text(metadata.get(key)) for key in ("namespace", "name"))
    return TaskSet(namespace, name, _owner(metadata), tasks, done, version_of(found))


def read_workflow(found: Mapping[str, Any], as_of: int = 0) -> WorkflowState:
    """`as_of`: a resource version at which it was still so."""
    metadata, spec, status = (part(found, key) for key in ("metadata", "spec", "status"))
    offloaded = bool(status.get("offloadNodeStatusVersion"))
    nodes = (
        None
        if offloaded
        else {
            sys.intern(str(node_id)): _node(node)
            for node_id, node in nodes_of(found).items()
            if isinstance(node, Mapping) and _text(node.get("type")) in _TYPES
        }
    )
    return WorkflowState(
        uid=_text(metadata.get("uid")),
        over=_over(metadata, status),
        shutdown=_text(spec.get("shutdown")),
        started_at=_text(status.get("startedAt")),
        nodes=nodes,
        version=max(as_of, version_of(found)),
    )


def part(found: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = found.get(key)
    return value if isinstance(value, Mapping) else {}


def _over(metadata: Mapping[str, Any], status: Mapping[str, Any]) -> str | None:
    if metadata.get("deletionTimestamp"):
        return "the Argo workflow is being deleted"
    phase = _text(status.get("phase"))
    return f"the Argo workflow is over ({phase})" if phase in COMPLETED else None


def _owner(metadata: Mapping[str, Any]) -> str:
    """The Workflow's uid."""
    owners = metadata.get("ownerReferences")
    first = owners[0] if isinstance(owners, list) and owners else None
    return _text(first.get("uid")) if isinstance(first, Mapping) else ""


def _node(node: Mapping[str, Any]) -> NodeState:
    return NodeState(
        sys.intern(_text(node.get("phase"))),
        _text(node.get("startedAt")),
        EXIT_HANDLER in _text(node.get("name")),
    )


def _phase(node: Any) -> str:
    return _text(node.get("phase")) if isinstance(node, Mapping) else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
