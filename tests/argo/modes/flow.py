"""One Argo workflow, as far as its runs see it: what Argo does with it, in the words of no mode."""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError

from crossover.contract.run import ArgoNode, Scope, run_id, workflow_prefix
from testbed.servers import PATIENCE
from tests.argo.talker import finish

MODES = ("step", "plugin", "callback", "agent")
ENDS = ("stop", "terminate", "delete", "deadline")
"""How a workflow ends before its time."""

LONG_AGO = "2020-01-01T00:00:00Z"


@dataclass(frozen=True)
class Asked:
    """What the step's template says. `timeout`: of the template, in whole seconds."""

    workflow_type: str = "Talker"
    input: Mapping[str, Any] = field(default_factory=dict)
    retries: int = 0
    scope: str = "node"
    on_cancel: str = "cancel"
    timeout: int | None = None


class Begun:
    """A node that Argo has begun, and its run."""

    def __init__(self, run: WorkflowHandle[Any, Any], ends: Callable[[], Awaitable[str]]) -> None:
        self.run = run
        self._ends = ends

    async def ended(self) -> str:
        """The node's phase, once it is over."""
        return await self._ends()

    async def execution(self) -> str:
        """Temporal's id of the run's newest execution."""
        return (await self.run.describe()).run_id

    async def status(self) -> WorkflowExecutionStatus | None:
        return (await self.run.describe()).status

    async def becomes(self, status: WorkflowExecutionStatus) -> None:
        await until(lambda: self._is(status))

    async def _is(self, status: WorkflowExecutionStatus) -> bool:
        return await self.status() is status

    async def finish(self) -> None:
        """Ends a Talker."""
        await finish(self.run)


class Flow(ABC):
    def __init__(self, client: Client, tenant: str, namespace: str, name: str, uid: str) -> None:
        self._client = client
        self._tenant = tenant
        self.namespace, self.name, self.uid = namespace, name, uid
        self._runs: list[WorkflowHandle[Any, Any]] = []

    @property
    def metadata(self) -> dict[str, str]:
        return {"namespace": self.namespace, "name": self.name, "uid": self.uid}

    def node_name(self, step: str) -> str:
        """`{{node.name}}`: the same for all attempts."""
        return f"{self.name}.{step}"

    async def begin(self, step: str = "extract", **asked: Any) -> Begun:
        """Argo begins the node, or an attempt of it; its run is there once this returns."""
        wanted = Asked(**asked)
        argo = ArgoNode(self.namespace, self.name, self.uid, self.node_name(step), wanted.retries)
        run = self._client.get_workflow_handle(run_id(self._tenant, argo, Scope(wanted.scope)))
        before = await _execution(run)
        ends = await self._begin(step, wanted)
        self._runs.append(run)
        if before is None:
            await until(lambda: _exists(run))
        return Begun(run, ends)

    async def begin_anew(self, before: Begun, step: str = "extract", **asked: Any) -> Begun:
        """The same for one whose last run has failed; another execution is there once this returns."""
        last = await before.execution()
        begun = await self.begin(step, **asked)

        async def anew() -> bool:
            return await begun.execution() != last

        await until(anew)
        return begun

    async def runs(self) -> int:
        """Executions of all of its nodes that Temporal lists by now."""
        prefix = workflow_prefix(self._tenant, ArgoNode(self.namespace, self.name, self.uid, "x"))
        return (await self._client.count_workflows(f"WorkflowId STARTS_WITH '{prefix}'")).count

    async def listed(self, count: int) -> None:
        """Temporal lists a run about a second after its start."""
        await until(lambda: self._lists(count))

    async def _lists(self, count: int) -> bool:
        return await self.runs() == count

    async def close(self) -> None:
        for run in self._runs:
            with contextlib.suppress(RPCError):
                await run.terminate("the test is over")

    @abstractmethod
    async def _begin(self, step: str, asked: Asked) -> Callable[[], Awaitable[str]]:
        """What Argo does; and what waits for the node's phase."""

    @abstractmethod
    async def retry(self) -> None:
        """`argo retry`, up to where failed nodes begin again."""

    @abstractmethod
    async def lose(self) -> None:
        """What stands between Argo and the runs is lost, and Argo or Kubernetes puts another in its place.

        Nodes that were begun go on, or have to be begun again as their next attempt (`begin`).
        """

    @abstractmethod
    async def end(self, how: str) -> None:
        """One of ENDS, with all that Argo and Kubernetes do about it."""

    @abstractmethod
    async def show(self, step: str, phase: str, **more: Any) -> None:
        """A node of the Workflow that Argo itself has ended, and time for everybody to see it."""

    async def leave(self) -> None:
        """Argo answers nobody and writes nothing."""
        return

    async def come_back(self) -> None:
        return


async def until(condition: Callable[[], Awaitable[bool]], within: float = PATIENCE) -> None:
    async with asyncio.timeout(within):
        while not await condition():
            await asyncio.sleep(0.05)


async def _execution(run: WorkflowHandle[Any, Any]) -> str | None:
    try:
        return (await run.describe()).run_id
    except RPCError:
        return None


async def _exists(run: WorkflowHandle[Any, Any]) -> bool:
    return await _execution(run) is not None
