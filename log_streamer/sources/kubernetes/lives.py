"""The lives of a pod's containers, as its status tells them. Pure.

A container that is restarted begins a new log. The kubelet keeps the present life's and the one's before it,
and tells them apart by `previous` (pkg/kubelet/kubelet_pods.go, validateContainerLogStatus): while a restart
is waited for, the log without `previous` is that of the life that has just ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from log_streamer.sources.source import Life

_PREFIX = "kubernetes"

_STATUSES = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")


@dataclass(frozen=True, slots=True)
class LifeKey:
    """What a Container's key holds: one life of one container."""

    namespace: str
    pod_uid: str
    container: str
    restart: int

    def __str__(self) -> str:
        return f"{_PREFIX}/{self.namespace}/{self.pod_uid}/{self.container}/{self.restart}"

    @classmethod
    def parse(cls, key: str) -> LifeKey:
        """Raises ValueError: not a key of this module's."""
        prefix, namespace, uid, container, restart = key.split("/")
        if prefix != _PREFIX:
            raise ValueError(f"not a pod's container: {key}")
        return cls(namespace, uid, container, int(restart))


@dataclass(frozen=True, slots=True)
class ContainerLife:
    """How the newest life of a container stands.

    Args:
        restart: its number, from 0.
        life: of that newest one.
        has_previous: whether the log of the life before it can still be read.
    """

    name: str
    restart: int
    life: Life
    has_previous: bool

    def of(self, restart: int) -> Life:
        if restart == self.restart:
            return self.life
        return Life.ENDED if restart < self.restart else Life.WAITING

    def previous(self, restart: int) -> bool | None:
        """Whether that life's log is read with `previous`; None: it cannot be read any more."""
        if restart == self.restart:
            return False
        return True if restart == self.restart - 1 and self.has_previous else None

    def readable(self) -> Iterator[int]:
        """The restarts whose logs there are, oldest first."""
        if self.has_previous and self.restart:
            yield self.restart - 1
        if self.life is not Life.WAITING:
            yield self.restart


def container_lives(pod: Mapping[str, Any]) -> dict[str, ContainerLife]:
    """The containers of all kinds that the pod's status tells of, by name."""
    status = pod.get("status") or {}
    found = (one for kind in _STATUSES for one in status.get(kind) or ())
    return {one["name"]: _life(one, status.get("phase", "")) for one in found}


def _life(status: Mapping[str, Any], pod_phase: str) -> ContainerLife:
    state, last = status.get("state") or {}, status.get("lastState") or {}
    restart = int(status.get("restartCount") or 0)
    ended_before = bool((last.get("terminated") or {}).get("containerID"))
    if state.get("running") is not None:
        return ContainerLife(status["name"], restart, Life.RUNNING, ended_before)
    if (ended := state.get("terminated")) is not None:
        return ContainerLife(status["name"], restart, _ended(ended), ended_before)
    if ended_before:
        return ContainerLife(status["name"], restart, Life.ENDED, has_previous=False)
    never = pod_phase in ("Succeeded", "Failed")
    return ContainerLife(status["name"], restart, Life.GONE if never else Life.WAITING, has_previous=False)


def _ended(terminated: Mapping[str, Any]) -> Life:
    """Without an id it was never created, or the node has lost it: there is no log."""
    return Life.ENDED if terminated.get("containerID") else Life.GONE
