"""The suspend node that waits for a run, found in its Workflow. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bridge.argo.callbacks.over import same_workflow, workflow_over
from bridge.argo.nodes_of import FULFILLED, nodes_of
from bridge.steps.record import Callback
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
    over = workflow_over(workflow, node, now)
    found = list(suspended(workflow, node, callback))
    if found and all(_phase(each) in FULFILLED for _, each in found):
        return Done(_phase(found[-1][1]))
    if over is not None:
        return Over(over)
    active = next((pair for pair in found if _phase(pair[1]) == "Running"), None)
    return Waiting() if active is None else Active(active[0], _supplied(active[1]))


def suspended(
    workflow: Mapping[str, Any] | None, node: ArgoNode, callback: Callback
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """All suspend nodes that the callback means, by id: one value may be waited for more than once."""
    if workflow is None or not same_workflow(workflow, node):
        return
    for id, found in nodes_of(workflow).items():
        if (
            isinstance(found, Mapping)
            and found.get("type") == "Suspend"
            and _meant(id, found, node, callback)
        ):
            yield id, found


def _meant(id: str, found: Mapping[str, Any], node: ArgoNode, callback: Callback) -> bool:
    if callback.node_id:
        return id == callback.node_id
    wanted = {"name": callback.input, "value": callback.value}
    has = any(
        all(each.get(key) == value for key, value in wanted.items()) for each in _listed(found, "inputs")
    )
    return has and _attempt(str(found.get("name")), node.node_name) >= node.retries


def _attempt(name: str, node_name: str) -> int:
    """Which attempt of the run's node this one is part of.

    Attempts of one Retry node wait for the same run id, but those before the run had other runs. Their names
    begin with `<node>(<number>)`; what is not part of an attempt belongs to all.
    """
    rest = name.removeprefix(f"{node_name}(")
    number = rest.partition(")")[0]
    return int(number) if rest != name and number.isascii() and number.isdigit() else 10**9


def _supplied(found: Mapping[str, Any]) -> Supplied:
    """Source: argo-workflows, workflow/util/util.go (`updateSuspendedNode`): others are refused."""
    given: dict[str, str | None] = {}
    for each in _listed(found, "outputs"):
        source = each.get("valueFrom")
        if isinstance(source, Mapping) and "supplied" in source and "name" in each:
            default = source.get("default")
            given[str(each["name"])] = None if default is None else str(default)
    return given


def _listed(found: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    part = found.get(key)
    parameters = part.get("parameters") if isinstance(part, Mapping) else None
    return (
        each for each in (parameters if isinstance(parameters, list) else ()) if isinstance(each, Mapping)
    )


def _phase(found: Mapping[str, Any]) -> str:
    return str(found.get("phase"))
