"""How a trace's Argo workflows stand, from the Workflow objects that the Kubernetes API keeps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from urllib.parse import quote

from crossover.kubernetes.watch import SILENCE
from log_streamer.sources.kubernetes.client import KubernetesClient
from log_streamer.sources.kubernetes.search import Search
from log_streamer.sources.kubernetes.watches import Lost, Object, Objects
from log_streamer.sources.source import Finding, Scope
from log_streamer.sources.workflow_states import WorkflowStates


class WorkflowLocator:
    """Locator over Workflow objects: states of workflows and their nodes, and whether Argo is through.

    Nodes that Argo offloaded into its own database are not seen here; Argo Server has them.
    """

    def __init__(self, client: KubernetesClient, *, silence: float = SILENCE) -> None:
        self._client = client
        self._silence = silence

    @property
    def name(self) -> str:
        return "kubernetes-workflows"

    async def watch(self, scope: Scope) -> AsyncGenerator[Finding, None]:
        """See Locator. `Looked.known`: a Workflow object of the trace exists."""
        search = _WorkflowSearch(self.name, self._client, scope, self._silence)
        async with aclosing(search.findings()) as findings:
            async for finding in findings:
                yield finding


class _WorkflowSearch(Search):
    def __init__(self, name: str, client: KubernetesClient, scope: Scope, silence: float) -> None:
        super().__init__(name, client, scope, silence)
        self._states = WorkflowStates(name)
        self._known = False

    def places(self) -> set[Objects]:
        return {
            Objects(_workflows_in(workflow.namespace), name=workflow.name)
            for workflow in self.scope.workflows
        }

    def take(self, objects: Objects, found: Object) -> Iterable[Finding]:
        self._known = True
        return self._states.take(found)

    def lost(self, objects: Objects, lost: Lost) -> Iterable[Finding]:
        return self._states.gone(lost.namespace, lost.name)

    def learned(self) -> Iterable[Finding]:
        return ()

    def first_look(self) -> tuple[bool, Iterable[Finding]]:
        return self._known, () if self._known else [self._states.engine]


def _workflows_in(namespace: str) -> str:
    return f"/apis/argoproj.io/v1alpha1/namespaces/{quote(namespace, safe='')}/workflows"
