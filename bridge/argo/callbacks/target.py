"""The suspend node that waits for a run, found in its Workflow. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.steps.record import Callback
from bridge.steps.stopping import stop_reason
from bridge.steps.suspended import listed, suspended
from crossover.contract.argo import FULFILLED
from crossover.contract.run import ArgoNode

Supplied = Mapping[str, str | None]
"""Output parameters that are to be supplied, each with its default."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """There is no such node yet, or it is not active yet."""


@dataclass(frozen=True, slots=True)
class Active:
    """It waits to be completed."""

    node_id: str
    supplied: Supplied


@dataclass(frozen=True, slots=True)
class Done:
    """It is over, by us or by others."""

    phase: str


@dataclass(frozen=True, slots=True)
class Over:
    """There never will be one."""

    reason: str


Target = Waiting | Active | Done | Over


def find(workflow: Mapping[str, Any] | None, node: ArgoNode, callback: Callback, now: datetime) -> Target:
    """Where the workflow is with the node that waits for the run.

    Args:
        workflow: as Argo's API gives it, None when there is none.
        node: that the run stands for; its `retries` say which attempt of it asked for the run first.
    """
    over = stop_reason(workflow, node, now)
    found = list(suspended(workflow, node, callback))
    if found and all(_phase(each) in FULFILLED for _, each in found):
        return Done(_phase(found[-1][1]))
    if over is not None:
        return Over(over)
    active = next((pair for pair in found if _phase(pair[1]) == "Running"), None)
    return Waiting() if active is None else Active(active[0], _supplied(active[1]))


def _supplied(found: Mapping[str, Any]) -> Supplied:
    """Source: argo-workflows, workflow/util/util.go (`updateSuspendedNode`): others are refused."""
    given: dict[str, str | None] = {}
    for each in listed(found, "outputs"):
        source = each.get("valueFrom")
        if isinstance(source, Mapping) and "supplied" in source and "name" in each:
            default = source.get("default")
            given[str(each["name"])] = None if default is None else str(default)
    return given


def _phase(found: Mapping[str, Any]) -> str:
    return str(found.get("phase"))
