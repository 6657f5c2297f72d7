"""One TaskSet: what it asks for, what its Workflow allows, and what is being done about it. No I/O."""

from __future__ import annotations

from bridge.argo.agent.objects import TaskSet, Template, WorkflowState
from bridge.argo.agent.work import Work
from bridge.argo.task import Workflow

Name = tuple[str, str]
"""Namespace and name, which TaskSet and Workflow share."""

AGAIN = "its node has begun anew"
"""Why a work ends without its run being cancelled: that is the new incarnation's business."""


class Job:
    """Templates are kept only until they are begun: there may be thousands.

    Argo writes the TaskSet before the Workflow. A Workflow that is known from before a task was handed over
    may still show an earlier life of its node, which has another run.

    Attributes:
        version: the TaskSet's, as of which it is known.
        workflow: None while nothing is known of it.
        works: by node id.
    """

    __slots__ = (
        "_done",
        "_handed_over",
        "_ids",
        "_repeated",
        "_templates",
        "_uid",
        "name",
        "version",
        "workflow",
        "works",
    )

    def __init__(self, name: Name, workflow: WorkflowState | None) -> None:
        self.name = name
        self.workflow = workflow
        self.works: dict[str, Work] = {}
        self._repeated: set[str] = set()
        self._uid = ""
        self._ids: frozenset[str] = frozenset()
        self._done: frozenset[str] = frozenset()
        self._templates: dict[str, Template] = {}
        self._handed_over: dict[str, int] = {}
        self.version = 0

    def take(self, found: TaskSet | None, *, live: bool) -> None:
        """The TaskSet as it is now; None: it is gone. `live`: it was seen happening."""
        if found is None:
            self._ids, self._done, self._templates, self._handed_over = frozenset(), frozenset(), {}, {}
            return
        if found.version < self.version:
            return  # what was asked for is older than what the watch has told meanwhile
        known, self._ids = self._ids, frozenset(found.tasks)
        self._uid, self._done, self.version = found.uid, found.done, found.version
        open_ids = self._ids - self._done - self.works.keys()
        self._templates = {node_id: found.tasks[node_id] for node_id in open_ids}
        self._handed_over = {each: self._handed_over.get(each, found.version) for each in open_ids}
        self._repeated &= open_ids
        if not live:
            self._repeated |= open_ids - known

    @property
    def idle(self) -> bool:
        """Nothing is left that would need to be remembered."""
        return not self._ids and not self.works

    @property
    def whose(self) -> Workflow:
        return Workflow(*self.name, self._uid or (self.workflow.uid if self.workflow else ""))

    @property
    def unbegun(self) -> bool:
        """There are tasks that are neither done nor begun."""
        return bool(self._templates)

    @property
    def unsure(self) -> bool:
        """Its Workflow has to be asked for, if it does not come by itself soon."""
        known = -1 if self.workflow is None else self.workflow.version
        late = any(version > known for version in self._handed_over.values())
        return late and (self.workflow is None or self.workflow.over is None)

    @property
    def forgotten(self) -> bool:
        """The Workflow wants a node whose work has ended here. Its template has to be asked for: where the
        task is the very same as before, `argo retry` changes the Workflow alone."""
        state = self._state()
        ended = self._ids - self._done - self.works.keys() - self._templates.keys()
        return state is not None and any(
            state.ended(each) is None and state.incarnation(each) is not None for each in ended
        )

    @property
    def runs(self) -> set[str]:
        """Those that are being waited for."""
        return {each.run for each in self.works.values() if each.run is not None}

    @property
    def uncertain(self) -> bool:
        """Which runs belong to it is not known yet."""
        return self.unbegun or any(each.run is None and not each.over for each in self.works.values())

    def _why_ended(self, work: Work) -> str | None:
        """Why the work is wanted no longer, or None."""
        if work.node_id not in self._ids:
            return "Argo took its task back"
        if work.node_id in self._done:
            return "its node has a result"
        state = self._state()
        if state is None:
            return None
        if (reason := state.ended(work.node_id)) is not None:
            return reason
        return AGAIN if state.incarnation(work.node_id) not in (None, work.began) else None

    def due(self) -> list[Work]:
        """What is to be begun now: tasks whose node the Workflow shows, and still wants."""
        state = self._state()
        if state is None or not self._templates:
            return []
        due = []
        for node_id in self._templates:
            began = state.incarnation(node_id)
            if self._handed_over[node_id] > state.version:
                continue
            if began is not None and node_id not in self.works and state.ended(node_id) is None:
                due.append(Work(node_id, began, self._templates[node_id], repeated=node_id in self._repeated))
        return due

    def begin(self, work: Work) -> None:
        self.works[work.node_id] = work
        del self._templates[work.node_id], self._handed_over[work.node_id]

    def end_unwanted(self) -> list[Work]:
        """Works whose result is wanted no longer, each with the reason."""
        ended = []
        for work in list(self.works.values()):
            if (reason := self._why_ended(work)) is not None:
                self._end(work, reason)
                ended.append(work)
        return ended

    def stuck(self, before: float) -> bool:
        """Whether something waits for what should have come long ago: a node that the Workflow does not show,
        or a result, written before `before` (monotonic seconds), that the TaskSet does not show any more."""
        lost = any(each.written is not None and each.written < before for each in self.works.values())
        state = self._state()
        return lost or any(state is None or state.ended(each) is None for each in self._templates)

    def forget_lost(self, before: float) -> None:
        """Results that were written and are not there any more are to be had again."""
        for work in list(self.works.values()):
            if work.written is not None and work.written < before:
                self._end(work, AGAIN)

    def _end(self, work: Work, reason: str) -> None:
        work.ended = reason
        del self.works[work.node_id]

    def _state(self) -> WorkflowState | None:
        """Of this TaskSet's own Workflow; another of its name says that it is over."""
        if self.workflow is None or not self._uid or self.workflow.uid in ("", self._uid):
            return self.workflow
        return _ANOTHER


_ANOTHER = WorkflowState("", "the Argo workflow was replaced by another of its name", "", "", {})
