"""What a feed is about: traces, containers, nodes, and the states of the engines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SourceName(StrEnum):
    """What a record's `source` says. `archive`: the pod is gone, its log was kept. `local`: no Kubernetes."""

    ARGO = "argo"
    WORKER = "worker"
    ARCHIVE = "archive"
    LOCAL = "local"


@dataclass(frozen=True, slots=True)
class Node:
    """An Argo node: its id, and the name that people know it by (`displayName`)."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Container:
    """One life of one container, which is one log.

    Args:
        key: names this life on every replica alike: a restarted container has another key.
        pod: the pod's name, or what stands for it (a process, a host).
        name: the container's name in the pod.
        node: the Argo node whose pod it is.
        shared: its lines are of many traces, and are told apart by their `trace_id`.
        tagged: the stream's name (`stdout`, `stderr`) stands between timestamp and text of each line.
    """

    key: str
    source: SourceName
    pod: str
    name: str
    node: Node | None = None
    shared: bool = False
    tagged: bool = False


class Kind(StrEnum):
    """What changed its phase. A decision's phase is the variant that its node got."""

    DECISION = "decision"
    WORKFLOW = "workflow"
    NODE = "node"
    RUN = "run"
    ACTIVITY = "activity"


@dataclass(frozen=True, slots=True)
class State:
    """That a workflow, node, run or activity is in a phase now: a `state` event's data.

    Args:
        id: a name that is unique among its kind, within the trace.
        name: what people call it (a node's display name, a workflow type, an activity type).
        phase: in the engine's own words; Argo's for workflows, nodes and runs.
        ts: when it began, RFC 3339 in UTC.
        node: the Argo node it is or belongs to.
        attempt: of an activity, counted from 1.
        progress: `3/7`, where it is told.
    """

    kind: Kind
    id: str
    name: str
    phase: str
    ts: str
    message: str = ""
    node: Node | None = None
    attempt: int | None = None
    progress: str | None = None


class Reason(StrEnum):
    """Why lines may be missing."""

    ROTATED = "rotated"
    GONE = "gone"
    UNREADABLE = "unreadable"
    TOO_SLOW = "too_slow"
    AWAY = "away"
    """A system cannot be asked: lines may come late, or from fewer logs."""


UNPROVEN = "The log no longer holds the line that was read last: lines may be missing."
