"""What a person wants to see of Workflow objects: the phases that changed since the last look. Pure.

A Workflow object is the one that Argo keeps in Kubernetes, and that Argo Server and the local runner serve.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from crossover.contract.argo import nodes_of
from log_streamer.model import Kind, Node, State
from log_streamer.sources.source import Engine

_REPEATS = frozenset({"Retry", "StepGroup", "TaskGroup"})
"""Node types that say again what their children say."""

_FLOWS = frozenset({"DAG", "Steps"})
"""Node types that hold other nodes: their progress is a count of those."""

_OVER = ("Succeeded", "Failed", "Error")
"""Phases of a workflow that has ended, the worst last."""


class WorkflowStates:
    """Remembers the Workflow objects of one trace, and tells what is new in each.

    Args:
        locator: the name under which the `Engine` is told.
    """

    def __init__(self, locator: str) -> None:
        self._locator = locator
        self._seen: dict[tuple[str, str, str], tuple[str, str]] = {}
        self._phases: dict[tuple[str, str], str | None] = {}
        self._told: Engine | None = None

    @property
    def engine(self) -> Engine:
        """Over, when every workflow has ended: in the worst of their phases. Of none: over, without one."""
        phases = [phase for phase in self._phases.values() if phase is not None]
        if any(phase not in _OVER for phase in phases):
            return Engine(self._locator, over=False)
        return Engine(self._locator, over=True, phase=max(phases, key=_OVER.index, default=None))

    def take(self, workflow: Mapping[str, Any]) -> list[State | Engine]:
        """The states that are new or changed, oldest first, and then the Engine where that has changed."""
        space, name = workflow["metadata"].get("namespace", ""), workflow["metadata"]["name"]
        self._phases[space, name] = (workflow.get("status") or {}).get("phase") or ""
        changed = [state for state in _states(workflow) if self._is_news(space, name, state)]
        return [*sorted(changed, key=_order), *self._engine_news()]

    def gone(self, namespace: str, name: str) -> list[State | Engine]:
        """The object was deleted. One that had not ended by then is over, and nobody knows how."""
        if self._phases.get((namespace, name)) not in _OVER:
            self._phases[namespace, name] = None
        return self._engine_news()

    def _is_news(self, space: str, workflow: str, state: State) -> bool:
        """A node's progress is news while it runs; afterwards Argo still corrects it."""
        key = (space, workflow, f"{state.kind}/{state.id}")
        running = state.kind is Kind.NODE and state.phase == "Running"
        mark = (state.phase, state.progress or "" if running else "")
        news = self._seen.get(key) != mark
        self._seen[key] = mark
        return news

    def _engine_news(self) -> list[State | Engine]:
        engine = self.engine
        if engine == self._told:
            return []
        self._told = engine
        return [engine]


def display_name(node_name: str) -> str:
    """What Argo shows of a node's full name: `flow.extract(0:a.csv)` is `extract(0:a.csv)`."""
    depth, start = 0, 0
    for position, char in enumerate(node_name):
        depth += {"(": 1, ")": -1}.get(char, 0)
        if char == "." and depth == 0:
            start = position + 1
    return node_name[start:]


def _states(workflow: Mapping[str, Any]) -> Iterator[State]:
    meta, status = workflow["metadata"], workflow.get("status") or {}
    name, created = meta["name"], meta.get("creationTimestamp") or ""
    if status.get("phase"):
        id_ = f"{meta.get('namespace', '')}/{name}"
        yield _state(Kind.WORKFLOW, id_, name, status, created, progress=status.get("progress"))
    for id_, node in nodes_of(workflow).items():
        kind = node.get("type", "")
        if kind in _REPEATS or not node.get("phase") or (id_ == name and kind in _FLOWS):
            continue
        shown = node.get("displayName") or display_name(node.get("name", id_))
        progress = None if kind in _FLOWS else node.get("progress")
        yield _state(Kind.NODE, id_, shown, node, created, progress=progress, node=Node(id_, shown))


def _state(
    kind: Kind,
    id_: str,
    name: str,
    status: Mapping[str, Any],
    created: str,
    *,
    progress: str | None,
    node: Node | None = None,
) -> State:
    """Argo says when a node was created and when it ended, not when its phase changed in between; of what
    waits for its turn it says nothing at all, and the workflow's creation has to do."""
    return State(
        kind,
        id_,
        name,
        phase=status["phase"],
        ts=status.get("finishedAt") or status.get("startedAt") or created,
        message=status.get("message") or "",
        node=node,
        progress=progress or None,
    )


def _order(state: State) -> tuple[str, bool]:
    """Within one second a workflow begins before its nodes, and ends after them."""
    return state.ts, (state.kind is Kind.WORKFLOW) == (state.phase in _OVER)
