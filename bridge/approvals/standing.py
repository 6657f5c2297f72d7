"""Whether anything still waits for an approval, read off the Argo workflow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bridge.steps.record import Callback
from bridge.steps.stopping import stop_reason
from bridge.steps.suspended import suspended
from crossover.contract.argo import FULFILLED
from crossover.contract.run import ArgoNode


def workflow_over(
    workflow: Mapping[str, Any] | None, node: ArgoNode, callback: Callback | None, now: datetime
) -> str | None:
    """Why nothing of the workflow waits any more, or None: it goes on, or its node is still to come.

    A suspend node can be ended in Argo itself: by `argo resume`, by its own `duration`, by a failing sibling.
    """
    stopped = stop_reason(workflow, node, now)
    if stopped is not None or callback is None:
        return stopped
    phases = [found.get("phase") for _, found in suspended(workflow, node, callback)]
    if phases and all(phase in FULFILLED for phase in phases):
        return f"the suspend node was ended in Argo itself ({phases[0]})"
    return None
