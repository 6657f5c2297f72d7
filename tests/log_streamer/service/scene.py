"""A trace as tests write it: a workflow, pods of its steps, numbered lines, and what a viewer must get."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from testbed.feed_checker import Checker, Fault
from testbed.numbered_lines import NumberedLines
from testbed.pod_log_writer import Writing
from testbed.pod_logs import PodLogServer
from testbed.servers import PATIENCE, LogStreamer
from tests.log_streamer.service.viewer import Viewer

WORKERS: dict[str, Any] = {"worker_namespaces": "workers", "worker_selector": "app=worker"}
_numbers = itertools.count(1)


class Trace:
    """An Argo workflow that runs, and its pods. Its name is its trace id."""

    def __init__(self, server: PodLogServer, name: str = "", namespace: str = "argo") -> None:
        self.server = server
        self.id = name or f"wf-{next(_numbers)}"
        self.namespace = namespace
        self.expected: dict[str, range | None] = {}

    @classmethod
    async def begun(cls, server: PodLogServer, name: str = "", namespace: str = "argo") -> Trace:
        trace = cls(server, name, namespace)
        await trace.is_in("Running")
        return trace

    async def is_in(self, phase: str) -> None:
        await self.server.workflow(
            {
                "metadata": {"name": self.id, "namespace": self.namespace, "uid": f"uid-{self.id}"},
                "status": {"phase": phase, "startedAt": "2026-11-21T00:00:00Z", "nodes": {}},
            }
        )

    async def step(self, name: str = "0", **spec: Any) -> str:
        """A step's pod. Returns the pod's name."""
        pod = f"{self.id}-{name}"
        labels = {"workflows.argoproj.io/workflow": self.id}
        await self.server.pod(pod, namespace=self.namespace, labels=labels, **spec)
        return pod

    async def writes(
        self,
        pod: str,
        count: int,
        rate: float = 2000,
        *,
        container: str = "main",
        start: int = 0,
        end: bool = True,
        **how: Any,
    ) -> None:
        """In the background, numbered from `start`; the container ends with the last line."""
        source = f"{pod}/{container}"
        writing = Writing(source, count, rate, start=start, **how)
        known = self.expected.get(source)
        self.expected[source] = range(known.start if known else start, start + count)
        await self.server.write(pod, writing, container, end=end, namespace=self.namespace)

    async def writes_for(
        self,
        viewers: Sequence[Viewer],
        pods: Sequence[str],
        numbers: range,
        *,
        batch: int,
        rate: float = 0,
        end: bool = False,
        **how: Any,
    ) -> None:
        """The same numbers to each of `pods`, no faster than the viewers read them, who have to have all that
        was written before: none falls out of a memory that holds two batches of all pods, however long the
        machine stands still."""
        for start in range(numbers.start, numbers.stop, batch):
            count = min(batch, numbers.stop - start)
            wanted = [viewer.lines + len(pods) * count for viewer in viewers]
            last = end and start + count == numbers.stop
            for pod in pods:
                await self.writes(pod, count, rate, start=start, end=last, **how)
            await asyncio.gather(*map(Viewer.reads, viewers, wanted))

    async def wrote_before(self, pod: str, count: int, *, seconds: float) -> None:
        """Its first lines, all of them some seconds ago."""
        lines = NumberedLines(f"{pod}/main")
        self.expected[f"{pod}/main"] = range(count)
        texts = [lines.text(number) for number in range(count)]
        then = time.time_ns() - int(seconds * 1e9)
        await self.server.append(pod, texts, ns=then, namespace=self.namespace)

    async def is_written(self, *, within: float = PATIENCE) -> None:
        await until(self._nobody_writes, within=within)

    async def ends(self, phase: str = "Succeeded", *, within: float = PATIENCE) -> None:
        """Once everything is written."""
        await self.is_written(within=within)
        await self.is_in(phase)

    async def worker(self, name: str = "", **spec: Any) -> str:
        """A pod that works for all traces."""
        name = name or f"worker-of-{self.id}"
        await self.server.pod(name, namespace="workers", labels={"app": "worker"}, **spec)
        return name

    async def works(
        self, pod: str, count: int, rate: float = 2000, *, every: int = 1, start: int = 0
    ) -> None:
        """The worker writes so many lines of this trace, and between each two `every - 1` of others."""
        writing = Writing(f"{pod}/main", count * every, rate * every, self.id, every, start * every)
        self.expected[f"{pod}/main"] = writing.expected
        await self.server.write(pod, writing, namespace="workers")

    def checker(self, *, floor: int = 1000) -> Checker:
        """Of what was said to be written so far."""
        return Checker(self.id, self.expected, floor=floor)

    async def _nobody_writes(self) -> bool:
        return not (await self.server.stats())["writers"]


async def until(
    holds: Callable[[], Awaitable[bool]], *, within: float = PATIENCE, every: float = 0.05
) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not await holds():
            await asyncio.sleep(every)


@asynccontextmanager
async def served(
    log: Path, server: PodLogServer, port: int | None = None, **settings: Any
) -> AsyncGenerator[LogStreamer, None]:
    """A log streamer over the server, quick to let go."""
    given = {"kubernetes": server.url, "drain": 0.5, "linger": 1, "max_lines": 1_000_000, **settings}
    async with LogStreamer(log, port, **given) as streamer:
        yield streamer


def assert_whole(
    checker: Checker, *, phase: str | None = "Succeeded", of_many_replicas: bool = False
) -> None:
    """Every line once, none excused by a gap, and the feed said that this is all.

    Args:
        of_many_replicas: each of them merges as lines reach it. A cursor tells another one the last line of
            each log, not the newest, which may be microseconds newer: the odd line lacks its `late`.
    """
    verdict = checker.verdict()
    excused = {Fault.LATE_WITHOUT_MARK} if of_many_replicas else set()
    assert not verdict.void, str(verdict)
    assert verdict.faults.keys() <= excused, str(verdict)
    assert verdict.faults.get(Fault.LATE_WITHOUT_MARK, 0) <= verdict.lines / 1000, str(verdict)
    assert verdict.gapped == 0, f"{verdict.gapped} lines did not come"
    assert verdict.end is not None, "the feed did not end"
    assert (verdict.end["reason"], verdict.end["phase"]) == ("complete", phase)
