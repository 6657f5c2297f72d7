"""Looks for a suspend node and completes it: once, however many want to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.approvals.completing import Reached
from bridge.argo.callbacks.outcome import fill
from bridge.argo.callbacks.sources import Completing
from bridge.argo.callbacks.target import Active, Done, Over, Supplied, find
from bridge.argo.server import Completion, NotSet
from bridge.steps.record import Callback
from crossover.contract.run import ArgoNode, Phase

Fill = Callable[[Supplied], Completion]
"""What a node gets, by the outputs that it has to be supplied with."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one went. `completed`: nodes that this very attempt has completed."""

    reached: Reached
    completed: tuple[str, ...] = ()


class Completer:
    """Keeps nothing."""

    def __init__(self, argo: Completing) -> None:
        self._argo = argo

    async def complete(
        self, node: ArgoNode, callback: Callback, *, phase: Phase, message: str, outputs: Mapping[str, str]
    ) -> Reached:
        """For approvals. Raises Unavailable, and NotSet when Argo does not take it."""

        def given(supplied: Supplied) -> Completion:
            return Completion(phase, message, fill(outputs, supplied))

        return (await self.attempt(node, callback, given)).reached

    async def attempt(self, node: ArgoNode, callback: Callback, of: Fill) -> Attempt:
        """One look, and one call for each node that waits. Raises Unavailable, and NotSet likewise."""
        completed: list[str] = []
        workflow = await self._argo.get(node)
        while True:
            target = find(workflow, node, callback, datetime.now(UTC))
            if not isinstance(target, Active):
                reached = Reached.DONE if isinstance(target, Done) else Reached.WAITING
                return Attempt(Reached.OVER if isinstance(target, Over) else reached, tuple(completed))
            if target.node_id in completed:
                # Argo has said that it did it: what it shows besides is older.
                return Attempt(Reached.DONE, tuple(completed))
            try:
                workflow = await self._argo.set(node, target.node_id, of(target.supplied))
                completed.append(target.node_id)
            except NotSet:
                workflow = await self._argo.get(node)
                if find(workflow, node, callback, datetime.now(UTC)) == target:
                    raise
