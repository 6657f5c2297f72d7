"""Candidates for one Lease, and a history of who may write."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from bridge.argo.agent.election import Election, Terms, clock, identity
from crossover.kubernetes.access import from_kubeconfig
from crossover.kubernetes.client import KubernetesClient
from testbed.kubernetes.admin import LEASES, Admin
from testbed.servers import PATIENCE

LEASE = "crossover-agent"

FAST = Terms(duration=2, renew=0.3, look=0.1, margin=0.5, release=30)
"""A machine that stands still for longer than 1.5 s ends a term: who leads for how long is not asserted."""

LONG = Terms(duration=600, renew=0.3, look=0.1, margin=0.5, release=30)
"""No stall ends such a term, and what happens before PATIENCE ends did not wait for one to run out."""


class Candidate:
    """One election with a connection of its own."""

    def __init__(self, kubeconfig: Path, namespace: str, name: str, terms: Terms = FAST) -> None:
        self.api = KubernetesClient(from_kubeconfig(kubeconfig))
        self.name = identity(name)
        self.election = Election(self.api, namespace, LEASE, self.name, terms)
        self.terms = 0
        self.task: asyncio.Task[None] | None = None

    async def lead(self) -> None:
        self.terms += 1
        await asyncio.Event().wait()

    def start(self) -> None:
        self.task = asyncio.create_task(self.election.run(self.lead))

    async def stop(self) -> None:
        """As a clean shutdown."""
        if self.task:
            self.task.cancel()
            await asyncio.wait((self.task,))
        await self.api.close()


@asynccontextmanager
async def candidates(
    kubeconfig: Path, namespace: str, count: int, terms: Terms = FAST
) -> AsyncGenerator[list[Candidate], None]:
    made = [Candidate(kubeconfig, namespace, f"pod-{index}", terms) for index in range(count)]
    try:
        for each in made:
            each.start()
        yield made
    finally:
        await asyncio.gather(*(each.stop() for each in made))


class History:
    """Who may write, looked at all the time: (when, who). The time is taken first: a process may stand still
    between the two, and nobody wrote at its end."""

    def __init__(self, watched: list[Candidate]) -> None:
        self._watched = watched
        self.samples: list[tuple[float, tuple[str, ...]]] = []

    @property
    def overlaps(self) -> list[tuple[float, tuple[str, ...]]]:
        return [(at, who) for at, who in self.samples if len(who) > 1]

    @property
    def leaders(self) -> list[str]:
        """In order, each as often as it came anew."""
        found: list[str] = []
        for _, who in self.samples:
            if who and (not found or found[-1] != who[0]):
                found.append(who[0])
        return found

    @property
    def writes(self) -> dict[str, list[float]]:
        """When who might have written."""
        return {each.name: [at for at, who in self.samples if each.name in who] for each in self._watched}

    @asynccontextmanager
    async def recorded(self) -> AsyncGenerator[History, None]:
        task = asyncio.create_task(self._record())
        try:
            yield self
        finally:
            task.cancel()

    async def _record(self) -> None:
        while True:
            at = clock()
            who = tuple(each.name for each in self._watched if each.election.may_write())
            self.samples.append((at, who))
            await asyncio.sleep(0.005)


def hurried(writes: Mapping[str, Sequence[float]], margin: float = FAST.margin) -> list[tuple[float, float]]:
    """When one candidate wrote for the last time and another for the first, where too little lay between.

    Of two holders the second begins a whole duration after the first sent its last renewal, and the first
    ends `margin` before that: this holds however slow the machine is, and however often the holder changes.
    """
    times = sorted((at, name) for name, each in writes.items() for at in each)
    return [
        (before, after)
        for (before, one), (after, other) in itertools.pairwise(times)
        if one != other and after - before < margin
    ]


async def until(condition: Callable[[], Any], within: float = PATIENCE) -> float:
    """Seconds until `condition` held."""
    start = clock()
    async with asyncio.timeout(within):
        while not condition():
            await asyncio.sleep(0.01)
    return clock() - start


def leader(of: list[Candidate]) -> Candidate | None:
    return next((each for each in of if each.election.may_write()), None)


async def until_led(of: list[Candidate]) -> Candidate:
    await until(lambda: leader(of))
    found = leader(of)
    assert found
    return found


async def free_lease(admin: Admin, namespace: str) -> None:
    """As argo_templates/agent/rbac.yaml ships it: held by nobody yet."""
    await admin.create(LEASES, {"metadata": {"name": LEASE}}, namespace)


async def spec_of(admin: Admin, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = (await admin.get(LEASES, LEASE, namespace))["spec"]
    return found


def through(kubeconfig: Path, port: int, folder: Path) -> Path:
    """The same cluster by way of a port of ours."""
    config = yaml.safe_load(kubeconfig.read_text())
    for each in config["clusters"]:
        each["cluster"]["server"] = f"https://127.0.0.1:{port}"
    path = folder / f"kubeconfig-{port}"
    path.write_text(yaml.safe_dump(config))
    return path
