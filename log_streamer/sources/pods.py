"""Which pods and containers a Workflow object's nodes have. Pure.

Sources: argo-workflows workflow/util/pod_name.go, pkg/apis/workflow/v1alpha1/workflow_types.go (NodeID).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from crossover.contract.argo import fnv32a, node_id, nodes_of
from log_streamer.model import Node
from log_streamer.sources.workflow_states import display_name

NEVER_RAN = frozenset({"Skipped", "Omitted"})

_LONGEST_PREFIX = 242
_NAME_FORMAT = "workflows.argoproj.io/pod-name-format"


@dataclass(frozen=True, slots=True)
class StepContainer:
    """A container that runs a node's template.

    Args:
        node: the node; with a container set, the node of this very container.
        phase: the node's.
        started_at: of the node, RFC 3339 in whole seconds, or empty.
        artifacts: names of the output artifacts of the pod's node.
        archive_node: id of the node that those belong to.
    """

    pod: str
    name: str
    node: Node
    phase: str
    started_at: str
    artifacts: frozenset[str]
    archive_node: str


def step_containers(workflow: Mapping[str, Any]) -> Iterator[StepContainer]:
    """The containers of all nodes that have, or had, a pod."""
    nodes = nodes_of(workflow)
    for node in nodes.values():
        if node.get("phase") in NEVER_RAN or node.get("memoizationStatus", {}).get("hit"):
            continue
        if node.get("type") == "Container" and (pod_node := nodes.get(node.get("boundaryID", ""))):
            yield _container(workflow, pod_node, node)
        elif node.get("type") == "Pod" and not _in_parts(nodes, node):
            yield _container(workflow, node, None)


def _in_parts(nodes: Mapping[str, Any], node: Mapping[str, Any]) -> bool:
    """Whether it is a container set, whose containers are nodes of their own."""
    children = (nodes.get(child) for child in node.get("children") or ())
    return any(
        child and child.get("type") == "Container" and child.get("boundaryID") == node["id"]
        for child in children
    )


def _container(
    workflow: Mapping[str, Any], pod_node: Mapping[str, Any], part: Mapping[str, Any] | None
) -> StepContainer:
    node = part or pod_node
    name = "main" if part is None else part["name"].removeprefix(f"{pod_node['name']}.")
    outputs = pod_node.get("outputs") or {}
    return StepContainer(
        pod=pod_name(workflow, pod_node),
        name=name,
        node=Node(node["id"], node.get("displayName") or display_name(node["name"])),
        phase=node.get("phase") or "Pending",
        started_at=node.get("startedAt") or "",
        artifacts=frozenset(artifact["name"] for artifact in outputs.get("artifacts") or ()),
        archive_node=pod_node["id"],
    )


def pod_name(workflow: Mapping[str, Any], node: Mapping[str, Any]) -> str:
    """The name of a Pod node's pod, in the format that the workflow's annotation names (v2 without one)."""
    name = workflow["metadata"]["name"]
    if (workflow["metadata"].get("annotations") or {}).get(_NAME_FORMAT) == "v1":
        return str(node["id"])
    if node["name"] == name:
        return str(name)
    template = (node.get("templateRef") or {}).get("template") or node.get("templateName") or ""
    prefix = f"{name}-{template}" if template else name
    return f"{prefix[:_LONGEST_PREFIX]}-{fnv32a(node['name'])}"


def node_of(workflow: str, node_name: str) -> Node:
    """The node that a workflow has under its full name."""
    return Node(node_id(workflow, node_name), display_name(node_name))
