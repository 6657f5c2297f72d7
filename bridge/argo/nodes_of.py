"""The nodes of a Workflow, which Argo keeps compressed once they are many."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Mapping
from typing import Any

import orjson

FULFILLED = frozenset({"Succeeded", "Failed", "Error", "Skipped", "Omitted"})
"""Phases of nodes that are over. Source: argo-workflows, pkg/apis/workflow/v1alpha1/workflow_types.go
(`NodePhase.Fulfilled`)."""

_GZIP = 16 + zlib.MAX_WBITS

LIMIT = 16 << 20
"""Bytes of unpacked nodes: etcd's 1.5 MB rarely hold a tenth of it."""


def nodes_of(workflow: Mapping[str, Any]) -> Mapping[str, Any]:
    """By id; none where they cannot be read, or are kept in a database (`offloadNodeStatusVersion`).

    Source: argo-workflows, workflow/packer/packer.go (`DecompressWorkflow`).
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
        return orjson.loads(zlib.decompressobj(_GZIP).decompress(data, LIMIT))
    except (binascii.Error, zlib.error, ValueError):
        return None
