"""Pods and Workflow objects as the Kubernetes API keeps them: versions, watches, lives of containers."""

from __future__ import annotations

import asyncio
import copy
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from testbed.pod_log_files import ROTATE_BYTES, Clock, ContainerLog

Object = dict[str, Any]
Kind = Literal["pods", "workflows"]


@dataclass(frozen=True, slots=True)
class Change:
    version: int
    before: Object | None
    after: Object | None


class Store:
    """Objects of one kind, with the changes that a watch can still begin from."""

    def __init__(self) -> None:
        self.version = 1000
        self.oldest = 1000
        self.changes: list[Change] = []
        self._objects: dict[tuple[str, str], Object] = {}
        self._news = asyncio.Event()

    def all(self, namespace: str) -> list[Object]:
        return [found for (space, _), found in self._objects.items() if space == namespace]

    def get(self, namespace: str, name: str) -> Object | None:
        return self._objects.get((namespace, name))

    def put(self, found: Object) -> None:
        """Stored as it is now: a watch sees each version."""
        meta = found["metadata"]
        before = self._objects.get((meta["namespace"], meta["name"]))
        self.version += 1
        stored = copy.deepcopy(found)
        stored["metadata"]["resourceVersion"] = str(self.version)
        self._objects[meta["namespace"], meta["name"]] = stored
        self._changed(Change(self.version, before, stored))

    def delete(self, namespace: str, name: str) -> None:
        before = self._objects.pop((namespace, name), None)
        if before is not None:
            self.version += 1
            self._changed(Change(self.version, before, None))

    def compact(self) -> None:
        """What has happened so far is forgotten, and watches that stand there are too old."""
        self.version += 1
        self.oldest = self.version
        self.changes.clear()
        self._tell()

    async def news(self, within: float) -> None:
        try:
            async with asyncio.timeout(within):
                await self._news.wait()
        except TimeoutError:
            return

    def _changed(self, change: Change) -> None:
        self.changes.append(change)
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


@dataclass(eq=False)
class FakeContainer:
    """A container with its lives' logs. Only the newest two can be read."""

    name: str
    init: bool = False
    waiting: str | None = "ContainerCreating"
    lives: list[ContainerLog] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    backing_off: bool = False

    @property
    def log(self) -> ContainerLog | None:
        return self.lives[-1] if self.lives else None

    def status(self) -> Object:
        restarts = max(0, len(self.lives) - 1)
        return {
            "name": self.name,
            "restartCount": restarts,
            "containerID": self.ids[-1] if self.ids else "",
            "ready": self.running,
            "started": self.running,
            "image": "app:1",
            "state": self._state(),
            "lastState": self._last_state(),
        }

    @property
    def running(self) -> bool:
        return bool(self.lives) and not self.lives[-1].ended

    def _state(self) -> Object:
        if self.backing_off:
            return {"waiting": {"reason": "CrashLoopBackOff"}}
        if not self.lives:
            return {"waiting": {"reason": self.waiting}}
        if self.running:
            return {"running": {"startedAt": "2026-11-21T00:00:00Z"}}
        return {"terminated": {"exitCode": 0, "containerID": self.ids[-1]}}

    def _last_state(self) -> Object:
        if self.backing_off:
            return {"terminated": {"exitCode": 1, "containerID": self.ids[-1]}}
        if len(self.lives) > 1:
            return {"terminated": {"exitCode": 1, "containerID": self.ids[-2]}}
        return {}


class FakePod:
    """A pod on a node of its own clock."""

    def __init__(self, spec: Object) -> None:
        self.name: str = spec["name"]
        self.namespace: str = spec.get("namespace", "default")
        self.uid: str = spec.get("uid") or str(uuid.uuid4())
        self.labels: dict[str, str] = spec.get("labels") or {}
        self.annotations: dict[str, str] = spec.get("annotations") or {}
        self.scheduled: bool = spec.get("scheduled", True)
        self.clock = Clock(int(spec.get("skew_s", 0) * 1e9), spec.get("zone", "Z"))
        self.rotate_bytes: int = spec.get("rotate_bytes", ROTATE_BYTES)
        self.cut_after_s: float | None = spec.get("cut_after_s")
        self.per_line: bool = spec.get("per_line", False)
        names = [(name, True) for name in spec.get("init_containers", ())]
        names += [(name, False) for name in spec.get("containers", ("main",))]
        self.containers = {name: FakeContainer(name, init) for name, init in names}

    def start(self, name: str) -> None:
        """A new life of the container; the one before it ends."""
        container = self.containers[name]
        if container.log:
            container.log.end()
        container.lives.append(ContainerLog(self.clock, self.rotate_bytes))
        container.ids.append(f"containerd://{uuid.uuid4().hex}")
        container.backing_off = False
        self.scheduled = True

    def object(self) -> Object:
        """The pod as the API shows it."""
        containers = self.containers.values()
        return {
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "uid": self.uid,
                "labels": self.labels,
                "annotations": self.annotations,
                "creationTimestamp": _now(),
            },
            "spec": {
                "containers": [{"name": one.name} for one in containers if not one.init],
                "initContainers": [{"name": one.name} for one in containers if one.init],
                **({"nodeName": f"node-of-{self.name}"} if self.scheduled else {}),
            },
            "status": self._status(),
        }

    def _status(self) -> Object:
        running = any(one.running for one in self.containers.values())
        ended = all(one.lives and not one.running and not one.backing_off for one in self.containers.values())
        status: Object = {"phase": "Running" if running else "Succeeded" if ended else "Pending"}
        if self.scheduled:
            kinds = {"containerStatuses": False, "initContainerStatuses": True}
            for key, init in kinds.items():
                status[key] = [one.status() for one in self.containers.values() if one.init is init]
        return status


class Cluster:
    """All that the server serves."""

    def __init__(self) -> None:
        self.pods: dict[tuple[str, str], FakePod] = {}
        self.stores: dict[Kind, Store] = {"pods": Store(), "workflows": Store()}

    def pod(self, namespace: str, name: str) -> FakePod | None:
        return self.pods.get((namespace, name))

    def publish(self, pod: FakePod) -> None:
        self.pods[pod.namespace, pod.name] = pod
        self.stores["pods"].put(pod.object())

    def delete(self, namespace: str, name: str) -> None:
        """Follows end, and the logs are gone."""
        pod = self.pods.pop((namespace, name), None)
        if pod is not None:
            for container in pod.containers.values():
                if container.log:
                    container.log.end()
            self.stores["pods"].delete(namespace, name)


def matches(found: Object | None, labels: str, name: str | None) -> bool:
    """Whether equality selectors, comma separated, and a name hold for an object."""
    if found is None or (name is not None and found["metadata"]["name"] != name):
        return False
    has = found["metadata"].get("labels") or {}
    return all(_holds(has, term.strip()) for term in labels.split(",") if term.strip())


def events_since(store: Store, since: int, labels: str, name: str | None, namespace: str) -> Iterator[Object]:
    """What a watch is told of the changes after `since`."""
    for change in store.changes:
        shown = change.after or change.before
        if change.version <= since or shown is None or shown["metadata"]["namespace"] != namespace:
            continue
        was, is_ = matches(change.before, labels, name), matches(change.after, labels, name)
        if was or is_:
            kind = "DELETED" if not is_ else "MODIFIED" if was else "ADDED"
            meta = shown["metadata"] | {"resourceVersion": str(change.version)}
            yield {"type": kind, "object": shown | {"metadata": meta}}


def _holds(labels: dict[str, str], term: str) -> bool:
    if "!=" in term:
        key, value = term.split("!=", 1)
        return labels.get(key.strip()) != value.strip()
    key, _, value = term.partition("=")
    return labels.get(key.strip()) == value.lstrip("=").strip()


def _now() -> str:
    return f"{datetime.fromtimestamp(time.time(), UTC):%Y-%m-%dT%H:%M:%SZ}"
