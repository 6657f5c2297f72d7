"""How Argo names the nodes of a workflow.

Source: argo-workflows, pkg/apis/workflow/v1alpha1/workflow_types.go (`NodeID`), workflow/util/pod_name.go.
"""

from __future__ import annotations


def node_id(workflow: str, node_name: str) -> str:
    """The id of a node: the workflow's name for the root, else with a hash of the node's name behind it.

    The hash has 32 bits, so two nodes of a huge workflow may share one.
    """
    return workflow if node_name == workflow else f"{workflow}-{fnv32a(node_name)}"


def fnv32a(text: str) -> int:
    """The 32-bit FNV-1a hash of the text's UTF-8."""
    digest = 0x811C9DC5
    for byte in text.encode():
        digest = (digest ^ byte) * 0x01000193 & 0xFFFFFFFF
    return digest
