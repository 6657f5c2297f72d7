"""The bridge's runs, as the plugin and the agent see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from bridge.steps.request import StartRequest
from crossover.contract.run import Mode

View = Mapping[str, Any]


class NodeRuns(Protocol):
    """Runs of Argo nodes, for callers that are sure of the tenant. Errors are those of `crossover.errors`."""

    async def attach(
        self, tenant: str, request: StartRequest, *, mode: Mode, key: str, repeated: bool
    ) -> View:
        """Starts the node's run, or finds it; its view.

        Args:
            key: names one incarnation of the node. A run that was started with the same key is returned
                whatever became of it; with another key, one that failed is started anew.
            repeated: an earlier call with this key may have been made.
        """
        ...

    async def wait(self, run: str, *, timeout: float, revision: str | None) -> View:
        """The view once the run is over or differs from `revision`, at the latest after `timeout` seconds."""
        ...

    async def cancel(self, run: str, *, reason: str) -> None:
        """By the run's own `on_cancel` and grace. Returns once that is certain to happen."""
        ...
