"""One node that is being worked on."""

from __future__ import annotations

import asyncio

from bridge.argo.agent.objects import Template
from bridge.argo.node import Node


class Work:
    """One incarnation of one node. Small: there are thousands.

    Args:
        began: when the node began, by its Workflow: it tells incarnations apart.
        template: dropped as soon as its run is known.
        repeated: it may have been begun before, by an earlier agent.

    Attributes:
        run: the id of its run, once it is known to have one.
        over: it has its result. `written`: the API server has that, since `written` (monotonic seconds).
        ended: why its result is wanted no longer; None while it is.
        words: how it goes, for the node's message. `told`: whether they are on their way to be written.
    """

    __slots__ = (
        "began",
        "ended",
        "node_id",
        "over",
        "repeated",
        "run",
        "task",
        "template",
        "told",
        "words",
        "written",
    )

    def __init__(self, node_id: str, began: str, template: Template | None, *, repeated: bool) -> None:
        self.node_id = node_id
        self.began = began
        self.template = template
        self.repeated = repeated
        self.run: str | None = None
        self.task: asyncio.Task[None] | None = None
        self.over = False
        self.written: float | None = None
        self.ended: str | None = None
        self.words: Node | None = None
        self.told = False
