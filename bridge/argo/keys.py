"""How Argo names what it keeps."""

from __future__ import annotations

_FNV_PRIME = 0x01000193
_FNV_OFFSET = 0x811C9DC5

PLUGIN = "crossover"
"""Our key under `template.plugin`: plugins are told apart by it, and the agent's rights end with it."""


def node_id(workflow: str, node_name: str) -> str:
    """The id of a node of a workflow: 32 bits of hash, so two nodes of a huge workflow may share one.

    Source: argo-workflows, pkg/apis/workflow/v1alpha1/workflow_types.go (`NodeID`).
    """
    return workflow if node_name == workflow else f"{workflow}-{_fnv32a(node_name.encode())}"


def _fnv32a(data: bytes) -> int:
    value = _FNV_OFFSET
    for byte in data:
        value = (value ^ byte) * _FNV_PRIME & 0xFFFFFFFF
    return value
