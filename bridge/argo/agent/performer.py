"""From a task to its node: the run is started or found, and waited for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bridge.argo.agent.metrics import AgentMetrics
from bridge.argo.agent.objects import Template
from bridge.argo.agent.work import Work
from bridge.argo.node import Node, failed, node_of, refused
from bridge.argo.runs import NodeRuns, View
from bridge.argo.task import Task, Workflow, is_ours, read_task
from crossover.contract.run import Mode, Phase
from crossover.errors import CrossoverError, Forbidden, row_of
from crossover.telemetry import get_logger

WAIT = 3600.0
"""Seconds of one wait: it costs nothing, so it is begun anew as rarely as may be."""

FIRST_PAUSE, LONGEST_PAUSE = 0.25, 10.0
"""Seconds between tries while Temporal, or a quota, does not let us."""

_log = get_logger(__name__)


class HttpTasks(Protocol):
    """Executes `http` templates, which nobody else would where there is no agent pod."""

    async def run(self, namespace: str, template: Template) -> Node:
        """Its final node. May be called again for the same task after a restart."""
        ...


@dataclass(frozen=True, slots=True)
class Performer:
    """
    Args:
        tenant_of: the tenant of an Argo namespace, None where no tenant names it.
        http: None where `http` templates are not ours.
        starts: as many runs are started at once.
    """

    runs: NodeRuns
    tenant_of: Callable[[str], str | None]
    http: HttpTasks | None
    starts: asyncio.Semaphore
    metrics: AgentMetrics

    def serves(self, template: Template) -> bool:
        """Whether a template is for us."""
        return is_ours(template) or (self.http is not None and isinstance(template.get("http"), dict))

    async def perform(self, workflow: Workflow, work: Work, tell: Callable[[Node], None]) -> Node | None:
        """The node's result; None when it is wanted no longer. Whatever is wrong with it is its result.

        Args:
            tell: is told how it goes.
        """
        try:
            if work.template is not None and not is_ours(work.template):
                return await self._perform_http(workflow, work.template)
            return await self._perform_run(workflow, work, tell)
        except CrossoverError as error:
            self.metrics.started("refused")
            return refused(error)
        except Exception:
            _log.exception("task failed", namespace=workflow.namespace, node=work.node_id)
            self.metrics.started("failed")
            return failed("the agent made a mistake with this task; its log says which")

    async def _perform_http(self, workflow: Workflow, template: Template) -> Node:
        assert self.http is not None
        self.metrics.started("http")
        return await self.http.run(workflow.namespace, template)

    async def _perform_run(self, workflow: Workflow, work: Work, tell: Callable[[Node], None]) -> Node | None:
        assert work.template is not None
        task = read_task(workflow, work.template, node=work.node_id)
        work.template = None  # thousands of them wait below
        view = await self._attach(workflow, work, task)
        declared = task.declared
        del task
        if view is None:
            return None
        work.run = str(view["id"])
        if work.ended is not None:
            return None
        self.metrics.started("ok")
        return node_of(await self._over(view, tell), declared)

    async def _attach(self, workflow: Workflow, work: Work, task: Task) -> View | None:
        """The run that is this incarnation's.

        One that is being cancelled is an earlier one's, or ours from before a restart: both are known by the
        key once it is over.
        """
        while (view := await self._attach_once(workflow, work, task)) is not None:
            if Phase(view["phase"]).closed or not view["cancel_requested"] or work.ended is not None:
                return view
            await self._over(view, lambda _: None)
            work.repeated = True
        return None

    async def _attach_once(self, workflow: Workflow, work: Work, task: Task) -> View | None:
        """For as long as it takes. Raises CrossoverError for what asking again would not change."""
        tenant = self.tenant_of(workflow.namespace)
        if tenant is None:
            raise Forbidden(
                f"no tenant has the Argo namespace {workflow.namespace!r}: the operator of the app registry "
                "names it in a tenant's argo_namespaces"
            )
        key, pause = f"{workflow.uid}/{work.node_id}/{work.began}", FIRST_PAUSE
        while True:
            async with self.starts:
                if work.ended is not None:
                    return None
                try:
                    return await self.runs.attach(
                        tenant, task.request, mode=Mode.AGENT, key=key, repeated=work.repeated
                    )
                except CrossoverError as error:
                    if not row_of(error).retryable:
                        raise
                    work.repeated, asked = True, error.retry_after or 0.0
            await asyncio.sleep(max(asked, pause) * random.uniform(0.75, 1.25))
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _over(self, view: View, tell: Callable[[Node], None]) -> View:
        """The view once the run is over."""
        while not Phase(view["phase"]).closed:
            tell(node_of(view, ()))
            try:
                view = await self.runs.wait(str(view["id"]), timeout=WAIT, revision=str(view["revision"]))
            except CrossoverError as error:
                if not row_of(error).retryable:
                    raise
                await asyncio.sleep(random.uniform(0.5, 1.5))
        return view
