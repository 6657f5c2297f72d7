"""What completes a suspend node, as approvals see it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

from bridge.steps.record import Callback
from crossover.contract.run import ArgoNode, Phase


class Reached(StrEnum):
    """`done`: the node is over, by this or by an earlier delivery. `waiting`: there is no such node yet.
    `over`: there never will be: its workflow is over."""

    DONE = "done"
    WAITING = "waiting"
    OVER = "over"


class Completes(Protocol):
    """Looks for the node, and completes it once."""

    async def complete(
        self, node: ArgoNode, callback: Callback, *, phase: Phase, message: str, outputs: Mapping[str, str]
    ) -> Reached:
        """Safe to repeat. Raises Unavailable when Argo cannot be asked.

        Args:
            node: of the workflow that the suspend node belongs to.
            outputs: of these, the node gets those that its template declares as supplied.
        """
        ...
