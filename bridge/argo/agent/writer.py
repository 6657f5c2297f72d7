"""Writes results into a TaskSet's status: one patch at a time, which takes along all that came meanwhile."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from bridge.argo.agent.election import Leading
from bridge.argo.agent.metrics import AgentMetrics
from bridge.argo.node import Node, failed
from crossover.errors import cut
from crossover.kubernetes.backoff import Backoff
from crossover.kubernetes.client import KubernetesClient
from crossover.kubernetes.errors import ApiError, Away, Missing, Rejected, TooLarge
from crossover.telemetry import get_logger

AT_ONCE = 32
"""Patches in flight, of all TaskSets together: what the API server's fair queuing gives one client easily."""

BATCH = 500
"""Nodes of one patch."""

LOOK = 0.1
"""Seconds between looks at whether we still lead, at the end."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """A node to be written. `over` tells results from words on how it goes; `since`: monotonic seconds."""

    node: Node
    over: bool
    since: float = field(default_factory=time.monotonic)


class Writing:
    """What the writers of all TaskSets share."""

    def __init__(self, api: KubernetesClient, leading: Leading, metrics: AgentMetrics) -> None:
        self._api = api
        self._leading = leading
        self.metrics = metrics
        self._places = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def patch(self, path: str, nodes: dict[str, Node]) -> None:
        """Once it is our turn. Raises ApiError; Away where we do not lead."""
        async with self._places:
            if not self._leading.may_write():
                raise Away("Another replica leads.")
            try:
                async with asyncio.timeout(self._leading.remaining()):
                    await self._api.patch(path, {"status": {"nodes": nodes}})
            except TimeoutError:
                raise Away("Leadership ended before the Kubernetes API answered.") from None

    async def finish(self, grace: float) -> None:
        """What is to be written is written, as far as `grace` seconds and our leadership allow."""
        until = time.monotonic() + grace
        while self._tasks and self._leading.may_write() and (left := until - time.monotonic()) > 0:
            await asyncio.wait(self._tasks, timeout=min(left, LOOK))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Writer:
    """Of one TaskSet. It tries for as long as the TaskSet is there and nobody forbids it.

    Args:
        path: of the TaskSet's status.
        written: told of each node whose result the API server has.
    """

    __slots__ = ("_path", "_shared", "_waiting", "_writes", "_written")

    def __init__(self, shared: Writing, path: str, written: Callable[[str], None]) -> None:
        self._shared = shared
        self._path = path
        self._written = written
        self._waiting: dict[str, Result] = {}
        self._writes = False

    def put(self, node_id: str, node: Node, *, over: bool) -> None:
        """Words on how it goes never take the place of a result."""
        known = self._waiting.get(node_id)
        if known is None or over or not known.over:
            self._waiting[node_id] = Result(node, over)
        if not self._writes:
            self._writes = True
            self._shared.spawn(self._write_all())

    def drop(self, node_id: str) -> None:
        """It is not to be written any more."""
        self._waiting.pop(node_id, None)

    async def _write_all(self) -> None:
        backoff = Backoff()
        try:
            while self._waiting:
                ids = list(self._waiting)[:BATCH]
                try:
                    await self._write(ids)
                    backoff.over()
                except ApiError as error:
                    if isinstance(error, Missing):
                        self._waiting.clear()  # the TaskSet is gone
                        return
                    pause = backoff.failed(error)
                    if backoff.first:
                        _log.info("a patch has to be repeated", path=self._path, reason=cut(error.detail))
                    await asyncio.sleep(pause)
        finally:
            self._writes = False

    async def _write(self, ids: list[str]) -> None:
        """In halves where it is too large as a whole: the node that does not fit fails alone."""
        batch = {node_id: self._waiting[node_id] for node_id in ids if node_id in self._waiting}
        if not batch:
            return
        try:
            await self._shared.patch(self._path, {key: each.node for key, each in batch.items()})
        except ApiError as error:
            self._shared.metrics.patched(type(error).__name__.lower())
            if not isinstance(error, TooLarge | Rejected):
                raise
            await self._write_less(batch, error)
            return
        self._shared.metrics.patched("ok")
        self._done(batch)

    async def _write_less(self, batch: dict[str, Result], error: TooLarge | Rejected) -> None:
        ids = list(batch)
        if len(ids) > 1:
            await self._write(ids[: len(ids) // 2])
            await self._write(ids[len(ids) // 2 :])
        elif isinstance(error, Rejected):
            # A policy keeps us from it, or the node is none: as if its task had been taken back.
            _log.error("the API server rejects a node", path=self._path, node=ids[0], reason=error.detail)
            self.drop(ids[0])
        else:
            await self._write_without_outputs(ids[0], batch[ids[0]])

    async def _write_without_outputs(self, node_id: str, result: Result) -> None:
        if "outputs" not in result.node:
            # Not even a sentence fits: Argo takes finished nodes out, and then there is room again.
            raise Away("The TaskSet is full.")
        _log.warning("outputs do not fit into the TaskSet", path=self._path, node=node_id)
        if self._waiting.get(node_id) is result:
            message = "its outputs do not fit into the workflow's TaskSet: have the run store its result"
            self._waiting[node_id] = Result(failed(message), over=True, since=result.since)
            await self._write([node_id])

    def _done(self, batch: dict[str, Result]) -> None:
        """What was put meanwhile stays."""
        for node_id, result in batch.items():
            if self._waiting.get(node_id) is result:
                del self._waiting[node_id]
            if result.over:
                self._shared.metrics.written(time.monotonic() - result.since)
                self._written(node_id)
