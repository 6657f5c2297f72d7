"""What we know of Argo's Workflow objects: how nodes are named, where they are kept, when they are over.

Source: argo-workflows, pkg/apis/workflow/v1alpha1/workflow_types.go (`NodeID`, `Fulfilled`, `Completed`),
workflow/util/pod_name.go.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from typing import Any

COMPLETED = frozenset({"Succeeded", "Failed", "Error"})
"""Phases of workflows that are over."""

FULFILLED = COMPLETED | {"Skipped", "Omitted"}
"""Phases of nodes that will not change by themselves."""

EXIT_HANDLER = ".onExit"
"""Part of the names of exit handlers' nodes. Source: argo-workflows, workflow/common/util.go
(`GenerateOnExitNodeName`)."""

_GZIP = 16 + zlib.MAX_WBITS
_LIMIT = 64 << 20
"""Bytes of unpacked nodes: etcd's 1.5 MB rarely hold a quarter of it."""


def nodes_of(workflow: Mapping[str, Any]) -> Mapping[str, Any]:
    """By id, also those that Argo has compressed, as it does once they are many.

    None where they cannot be read, or are kept in Argo's own database (`offloadNodeStatusVersion`); Argo
    Server puts those back. Source: argo-workflows, workflow/packer/packer.go (`DecompressWorkflow`).
    """
    status = workflow.get("status")
    if not isinstance(status, Mapping):
        return {}
    packed = status.get("compressedNodes")
    nodes = _unpacked(packed) if isinstance(packed, str) and packed else status.get("nodes")
    return nodes if isinstance(nodes, Mapping) else {}


def _unpacked(packed: str) -> Any:
    try:
        data = base64.b64decode(packed, validate=True)
        return json.loads(zlib.decompressobj(_GZIP).decompress(data, _LIMIT))
    except (binascii.Error, zlib.error, ValueError, RecursionError):  # the last one: nested too deeply
        return None


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
