"""Containers of a trace: its Argo workflows' pods, and its workers' pods.

A worker's pod serves many traces: its containers are `shared`. Only pods in the tenant's own namespaces are
looked at. Argo's marks on pods: argo-workflows workflow/common/common.go.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing
from urllib.parse import quote

from crossover.kubernetes.watch import SILENCE
from log_streamer.model import Container, Node, SourceName
from log_streamer.sources.kubernetes.client import KubernetesClient
from log_streamer.sources.kubernetes.lives import LifeKey, container_lives
from log_streamer.sources.kubernetes.logs import PodLogs
from log_streamer.sources.kubernetes.search import Search
from log_streamer.sources.kubernetes.watches import Lost, Object, Objects
from log_streamer.sources.source import Finding, Found, LogSource, Scope
from log_streamer.sources.workflow_states import display_name

_ARGO = "workflows.argoproj.io"
_EXECUTOR = frozenset({"init", "wait", "supervisor"})
"""Containers that Argo puts beside the step's own, and in which nothing but argoexec runs."""


class PodLocator:
    """Locator over pods.

    Args:
        executor_containers: find argoexec's containers too (`is_executor`). Each is one more follow per pod.
        silence: seconds without a sign after which a watch is begun anew.
    """

    def __init__(
        self,
        client: KubernetesClient,
        logs: LogSource | None = None,
        *,
        executor_containers: bool = False,
        silence: float = SILENCE,
    ) -> None:
        self._client = client
        self._logs = logs or PodLogs(client)
        self._executor_containers = executor_containers
        self._silence = silence

    @property
    def name(self) -> str:
        return "kubernetes-pods"

    async def watch(self, scope: Scope) -> AsyncGenerator[Finding, None]:
        """See Locator. `Looked.known`: a pod of the trace's workflows was found."""
        search = _PodSearch(self, self._client, scope, self._silence)
        async with aclosing(search.findings()) as findings:
            async for finding in findings:
                yield finding

    def found(self, container: Container) -> Iterator[Found]:
        if self._executor_containers or not is_executor(container):
            yield Found(container, self._logs)


class _PodSearch(Search):
    def __init__(self, locator: PodLocator, client: KubernetesClient, scope: Scope, silence: float) -> None:
        super().__init__(locator.name, client, scope, silence)
        self._locator = locator
        self._told_keys: dict[str, set[str]] = {}
        self._unnamed: dict[str, Object] = {}
        self._known = False

    def places(self) -> set[Objects]:
        tenant = self.scope.tenant
        places = {
            Objects(_pods_in(workflow.namespace), f"{_ARGO}/workflow={workflow.name}")
            for workflow in self.scope.workflows
        }
        if tenant.worker_selector:
            places |= {Objects(_pods_in(space), tenant.worker_selector) for space in tenant.worker_namespaces}
        if self.scope.identities:
            places |= {Objects(_pods_in(space)) for space in tenant.worker_namespaces}
        return places

    def take(self, objects: Objects, found: Object) -> Iterable[Finding]:
        if objects.labels.startswith(f"{_ARGO}/workflow="):
            self._known = True
            return self._new(found, SourceName.ARGO, _node_of(found))
        if objects.labels or self._is_named(found):
            return self._new(found, SourceName.WORKER, None)
        self._unnamed[found["metadata"]["uid"]] = {
            "metadata": {key: found["metadata"][key] for key in ("namespace", "name", "uid")},
            "status": found.get("status"),
        }
        return ()

    def lost(self, objects: Objects, lost: Lost) -> Iterable[Finding]:
        """Its logs have ended, which their readers find out."""
        self._told_keys.pop(lost.uid, None)
        self._unnamed.pop(lost.uid, None)
        return ()

    def learned(self) -> Iterable[Finding]:
        named = [pod for pod in self._unnamed.values() if self._is_named(pod)]
        for pod in named:
            del self._unnamed[pod["metadata"]["uid"]]
            yield from self._new(pod, SourceName.WORKER, None)

    def first_look(self) -> tuple[bool, Iterable[Finding]]:
        return self._known, ()

    def _new(self, pod: Object, source: SourceName, node: Node | None) -> Iterator[Finding]:
        told = self._told_keys.setdefault(pod["metadata"]["uid"], set())
        for container in _containers(pod, source, node):
            if container.key not in told:
                told.add(container.key)
                yield from self._locator.found(container)

    def _is_named(self, pod: Object) -> bool:
        """Temporal's SDKs call a worker `<pid>@<host>`, often with more parts; a pod's host is its name."""
        name = pod["metadata"]["name"]
        return any(name in identity.split("@") for identity in self.scope.identities)


def is_executor(container: Container) -> bool:
    """Whether nothing but argoexec writes into its log: records of it count as argoexec's own."""
    return container.source is SourceName.ARGO and (
        container.name in _EXECUTOR or (container.pod.endswith("-agent") and container.name == "main")
    )


def _pods_in(namespace: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods"


def _node_of(pod: Object) -> Node | None:
    """An agent's pod is the whole workflow's: it has no node."""
    marks = pod["metadata"].get("annotations") or {}
    id_, name = marks.get(f"{_ARGO}/node-id"), marks.get(f"{_ARGO}/node-name")
    return Node(id_, display_name(name or id_)) if id_ else None


def _containers(pod: Object, source: SourceName, node: Node | None) -> Iterator[Container]:
    """One for each life whose log there is: a container that has restarted counts twice."""
    meta = pod["metadata"]
    for name, lives in container_lives(pod).items():
        for restart in lives.readable():
            key = str(LifeKey(meta["namespace"], meta["uid"], name, restart))
            yield Container(key, source, meta["name"], name, node, shared=source is SourceName.WORKER)
