"""The zero-pod agent: what Argo's agent pods do, for all workflows at once.

Everything it knows can be had again from Kubernetes and Temporal: it is told of objects, not of events, and
each incarnation of a node has a key by which its run is found again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any

from bridge.argo.agent.cancels import Cancels
from bridge.argo.agent.job import AGAIN, Job, Name
from bridge.argo.agent.looks import UNSEEN, Looks
from bridge.argo.agent.metrics import AgentMetrics
from bridge.argo.agent.objects import WorkflowState, gone, read_task_set, read_workflow
from bridge.argo.agent.performer import Performer
from bridge.argo.agent.progress import Progress
from bridge.argo.agent.scope import TASK_SETS, WORKFLOWS, Scope, is_completed, path_of
from bridge.argo.agent.work import Work
from bridge.argo.agent.writer import Writer, Writing
from bridge.argo.node import Node
from bridge.argo.runs import NodeRuns
from crossover.contract.run import ArgoNode
from crossover.errors import cut
from crossover.kubernetes.client import KubernetesClient
from crossover.kubernetes.errors import ApiError, Missing
from crossover.kubernetes.watch import Changed, Event, Gone, Interrupted, Listed, Watch, name_of, version_of
from crossover.telemetry import get_logger

STUCK = 60.0
"""Seconds after which what has not come is asked for."""

_log = get_logger(__name__)


class Agent:
    """One term: made anew each time that this replica begins to lead.

    Args:
        grace: seconds in which results that are had already are still written at the end.
    """

    def __init__(
        self,
        api: KubernetesClient,
        scope: Scope,
        performer: Performer,
        writing: Writing,
        progress: Progress,
        metrics: AgentMetrics,
        grace: float = 5.0,
    ) -> None:
        self._api = api
        self.scope = scope
        self._performer = performer
        self._writing = writing
        self._progress = progress
        self._metrics = metrics
        self._grace = grace
        self._jobs: dict[Name, Job] = {}
        self._writers: dict[Name, Writer] = {}
        self._workflows: dict[Name, WorkflowState] = {}
        self._looks = Looks()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cancels = Cancels(performer.runs, metrics)
        self._unlisted = 0
        self.listed = asyncio.Event()

    @property
    def runs(self) -> NodeRuns:
        return self._performer.runs

    async def run(self) -> None:
        """Until cancelled: runs are then left alone, and whoever leads next finds them."""
        try:
            async with asyncio.TaskGroup() as group:
                for plural, take in ((TASK_SETS, self._on_task_set), (WORKFLOWS, self._on_workflow)):
                    for path in self.scope.collections(plural):
                        self._unlisted += 1
                        group.create_task(self._follow(path, take))
                group.create_task(self._look_for_unseen())
                group.create_task(self._look_for_stuck())
                group.create_task(self._progress.run())
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._writing.finish(self._grace)

    # What the watches tell

    async def _follow(self, path: str, take: Callable[[Event], None]) -> None:
        watch = Watch(self._api, path, self.scope.labels, restarted=self._metrics.restarted)
        counted = False
        async with aclosing(watch.events()) as events:
            async for event in events:
                if isinstance(event, Listed):
                    self._unlisted -= not counted
                    counted = True
                    if not self._unlisted:
                        self.listed.set()
                    continue
                if isinstance(event, Interrupted):
                    if event.first:
                        _log.warning("a watch is interrupted", path=path, reason=cut(event.error.detail))
                    continue
                try:
                    take(event)
                except Exception:
                    _log.exception("an object cannot be understood", path=path)

    def _on_task_set(self, event: Event) -> None:
        if isinstance(event, Changed):
            self._take_task_set(event.object, live=event.live)
        elif isinstance(event, Gone):
            self._lose_task_set(event.name, event.version)

    def _take_task_set(self, item: dict[str, Any], *, live: bool) -> None:
        found = read_task_set(item, self._performer.serves)
        name = (found.namespace, found.name)
        job = self._jobs.get(name)
        if not self.scope.serves(found.namespace) or (job is None and not found.tasks):
            return
        if job is None:
            job = self._jobs[name] = Job(name, self._workflows.get(name))
        job.take(found, live=live)
        self._settle(job)

    def _lose_task_set(self, name: Name, version: int) -> None:
        """There was none as of `version`."""
        job = self._jobs.get(name)
        if job is not None and job.version <= version:
            job.take(None, live=True)
            self._settle(job)

    def _on_workflow(self, event: Event) -> None:
        if isinstance(event, Gone):
            self._know(event.name, gone(event.version))
        elif isinstance(event, Changed):
            self._know(name_of(event.object), read_workflow(event.object, event.version))

    def _know(self, name: Name, state: WorkflowState) -> None:
        """Kept for those with tasks for us, or with nodes that soon will have."""
        job = self._jobs.get(name)
        if state.version < _versions(job)[1]:
            return  # the watch is behind what was asked for, or has told more meanwhile
        if state.awaits_agent and self.scope.serves(name[0]):
            self._workflows[name] = state
        else:
            self._workflows.pop(name, None)
        if job is not None:
            job.workflow = state
            if not job.unsure:
                self._looks.drop(name)
            self._settle(job)

    # What follows from it

    def _settle(self, job: Job) -> None:
        """Ends what is wanted no longer, and begins what is due."""
        if ended := job.end_unwanted():
            wanted = job.runs
            for work in ended:
                self._let_go(job, work, wanted)
        for work in job.due():
            self._begin(job, work)
        if job.forgotten:
            self._looks.wish(job.name)
        if job.idle:
            self._jobs.pop(job.name, None)
            self._writers.pop(job.name, None)
        elif job.unsure:
            self._looks.wish(job.name, after=UNSEEN)

    def _begin(self, job: Job, work: Work) -> None:
        job.begin(work)
        self._metrics.waiting += 1
        work.task = self._spawn(self._perform(job, work))
        work.task.add_done_callback(lambda _: self._metrics.work_ended())

    async def _perform(self, job: Job, work: Work) -> None:
        node = await self._performer.perform(
            job.whose, work, lambda words: self._progress.tell(work, words, self._sender(job))
        )
        if work.ended is None and node is not None:
            work.over, work.words = True, None
            self._writer(job).put(work.node_id, node, over=True)
        elif work.run is not None and work.ended != AGAIN:
            await self._cancel_unwanted(job.name, work.run, str(work.ended))

    def _let_go(self, job: Job, work: Work, wanted: set[str]) -> None:
        """`wanted`: runs that other nodes of the workflow wait for, such as the next try of this one."""
        if (writer := self._writers.get(job.name)) is not None and work.written is None:
            writer.drop(work.node_id)
        if work.task is None or work.over:
            return
        if work.run is not None or work.template is not None:
            work.task.cancel()
        # Without a run it is being started: whoever does that sees that it has ended.
        if work.run is not None and work.ended != AGAIN and work.run not in wanted:
            self._spawn(self._cancel_unwanted(job.name, work.run, str(work.ended)))

    def _sender(self, job: Job) -> Callable[[str, Node], None]:
        return lambda node_id, node: self._writer(job).put(node_id, node, over=False)

    def _writer(self, job: Job) -> Writer:
        writer = self._writers.get(job.name)
        if writer is None:
            path = f"{path_of(TASK_SETS, *job.name)}/status"
            writer = self._writers[job.name] = Writer(self._writing, path, lambda each: _written(job, each))
        return writer

    async def cancel(self, run: str, node: ArgoNode, reason: str) -> None:
        """A run that no task has any more."""
        await self._cancels.cancel(run, reason, by="sweep", wanted=lambda: self.may_want(run, node))

    async def _cancel_unwanted(self, name: Name, run: str, reason: str) -> None:
        def wanted() -> bool:
            job = self._jobs.get(name)
            return job is not None and run in job.runs

        await self._cancels.cancel(run, reason, by="watch", wanted=wanted)

    # What the watches did not tell

    async def _look_for_unseen(self) -> None:
        await self.listed.wait()
        await self._looks.run(self._look_again)

    async def _look_again(self, name: Name) -> None:
        if name in self._jobs:
            await self.look(name)

    async def _look_for_stuck(self) -> None:
        while True:
            await asyncio.sleep(STUCK)
            before = time.monotonic() - STUCK
            for job in [each for each in self._jobs.values() if each.stuck(before)]:
                job.forget_lost(before)
                self._looks.wish(job.name)

    def held(self) -> set[str]:
        """Runs that are waited for."""
        return {run for job in self._jobs.values() for run in job.runs}

    def may_want(self, run: str, node: ArgoNode) -> bool:
        """Whether some task has the run, or may turn out to have it."""
        job = self._jobs.get((node.namespace, node.workflow))
        return job is not None and (run in job.runs or job.uncertain)

    async def look(self, name: Name) -> WorkflowState | None:
        """Asks for both objects of a workflow, as the watches would have told of them.

        The Workflow's state; None where it cannot be had, or is another controller's.
        """
        # What is not there has no version: it was not there as of what was known when it was asked for.
        known = _versions(self._jobs.get(name))
        try:
            task_set = await self._get(TASK_SETS, name)
            workflow = await self._get(WORKFLOWS, name)
        except ApiError as error:
            _log.info("an object cannot be read", namespace=name[0], name=name[1], reason=error.detail)
            self._looks.wish(name, after=10 * UNSEEN)
            return None
        if workflow is not None and not self.scope.serves_instance(workflow):
            return None
        state = _state_of(workflow, known[1], version_of(task_set or {}))
        self._know(name, state)
        if task_set is not None and not is_completed(task_set):
            self._take_task_set(task_set, live=False)
        else:
            self._lose_task_set(name, version_of(task_set or {}) or known[0])
        return state

    async def _get(self, plural: str, name: Name) -> dict[str, Any] | None:
        try:
            return await self._api.get(path_of(plural, *name))
        except Missing:
            return None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _versions(job: Job | None) -> tuple[int, int]:
    """Those of its TaskSet and its Workflow that are known."""
    if job is None:
        return 0, 0
    return job.version, 0 if job.workflow is None else job.workflow.version


def _state_of(workflow: dict[str, Any] | None, known: int, as_of: int) -> WorkflowState:
    """Of one that was asked for. `as_of`: the version of its TaskSet, which was read before it."""
    if workflow is None:
        return gone(known)
    if is_completed(workflow):
        return gone(max(as_of, version_of(workflow)))
    return read_workflow(workflow, as_of)


def _written(job: Job, node_id: str) -> None:
    work = job.works.get(node_id)
    if work is not None and work.over:
        work.written = time.monotonic()
