"""Which of the cluster's workflows this agent serves."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.argo.agent.objects import part

GROUP = "/apis/argoproj.io/v1alpha1"
TASK_SETS, WORKFLOWS = "workflowtasksets", "workflows"

_COMPLETED = "workflows.argoproj.io/completed"
_INSTANCE = "workflows.argoproj.io/controller-instanceid"


@dataclass(frozen=True, slots=True)
class Scope:
    """
    Args:
        namespaces: none named: all.
        shard: this agent's number, from 0, of `shards`: each serves its share of the namespaces.
        instance: the instance id of the controller whose workflows are served; empty: the one without.
    """

    namespaces: tuple[str, ...] = ()
    shard: int = 0
    shards: int = 1
    instance: str = ""

    def serves(self, namespace: str) -> bool:
        listed = not self.namespaces or namespace in self.namespaces
        return listed and zlib.crc32(namespace.encode()) % self.shards == self.shard

    def serves_instance(self, found: Mapping[str, Any]) -> bool:
        """Whether the object is that controller's."""
        labels = part(part(found, "metadata"), "labels")
        return str(labels.get(_INSTANCE, "")) == self.instance

    @property
    def labels(self) -> str:
        """The selector of what goes on. A label that is absent is not `true` either."""
        instance = f"{_INSTANCE}={self.instance}" if self.instance else f"!{_INSTANCE}"
        return f"{_COMPLETED}!=true,{instance}"

    def collections(self, plural: str) -> list[str]:
        """The paths to watch."""
        if not self.namespaces:
            return [f"{GROUP}/{plural}"]
        return [f"{GROUP}/namespaces/{each}/{plural}" for each in self.namespaces if self.serves(each)]


def path_of(plural: str, namespace: str, name: str) -> str:
    return f"{GROUP}/namespaces/{namespace}/{plural}/{name}"


def is_completed(found: Mapping[str, Any]) -> bool:
    """What the selector leaves out."""
    labels = part(part(found, "metadata"), "labels")
    return str(labels.get(_COMPLETED)) == "true"
