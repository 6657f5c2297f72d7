"""Runs whose task is gone: it went while no agent was there to see it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.argo.agent.agent import Agent
from bridge.argo.agent.objects import GONE, WorkflowState
from crossover.contract.run import ArgoNode, Phase
from crossover.errors import CrossoverError
from crossover.telemetry import get_logger

EVERY = 60.0
"""Seconds between sweeps."""

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OpenRun:
    """An open run that some agent started."""

    id: str
    argo: ArgoNode


class OpenRuns(Protocol):
    async def agent_runs(self, known: Collection[str]) -> Sequence[OpenRun]:
        """Open runs of the agent's mode, in all Temporal namespaces, but for the `known` ones and those that
        nothing that becomes of their node shall end. Raises CrossoverError."""
        ...


class Orphans:
    """Looks once all TaskSets and Workflows have been told of, and each minute from then on."""

    def __init__(self, agent: Agent, runs: OpenRuns) -> None:
        self._agent = agent
        self._runs = runs

    async def run(self) -> None:
        """Until cancelled."""
        await self._agent.listed.wait()
        while True:
            try:
                await self._sweep()
            except CrossoverError as error:
                _log.info("open runs are not known", reason=error.detail)
            except Exception:
                _log.exception("sweep of open runs failed")
            await asyncio.sleep(EVERY)

    async def _sweep(self) -> None:
        for run in await self._runs.agent_runs(self._agent.held()):
            if self._agent.scope.serves(run.argo.namespace) and not self._agent.may_want(run.id, run.argo):
                await self._look(run)

    async def _look(self, run: OpenRun) -> None:
        """Asked, not remembered: what a watch has told may be older than the run."""
        name = (run.argo.namespace, run.argo.workflow)
        found = await self._agent.look(name)
        if found is None or self._agent.may_want(run.id, run.argo):
            return
        reason = _reason(found, run.argo.uid)
        view = await self._agent.runs.wait(run.id, timeout=0, revision=None)
        if not view["cancel_requested"] and not Phase(view["phase"]).closed:
            await self._agent.cancel(run.id, run.argo, reason)


def _reason(workflow: WorkflowState, uid: str) -> str:
    if workflow.uid != uid:
        return str(GONE.over)
    return workflow.over or "Argo took its task back while no agent was there"
