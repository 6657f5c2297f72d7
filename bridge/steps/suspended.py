"""The suspend nodes that wait for a run or an approval, found in their Workflow. Pure.

Source of the shape: argo-workflows, pkg/apis/workflow/v1alpha1/workflow_types.go (`NodeStatus`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bridge.steps.record import Callback
from bridge.steps.stopping import same_workflow
from crossover.contract.argo import nodes_of
from crossover.contract.run import ArgoNode


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
        all(each.get(key) == value for key, value in wanted.items()) for each in listed(found, "inputs")
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


def listed(found: Mapping[str, Any], key: str) -> Iterator[Mapping[str, Any]]:
    """The parameters of a node's `inputs` or `outputs`."""
    part = found.get(key)
    parameters = part.get("parameters") if isinstance(part, Mapping) else None
    return (
        each for each in (parameters if isinstance(parameters, list) else ()) if isinstance(each, Mapping)
    )
